"""A bot for Telegram from which admins see, decide and act on the service that shipper deploys."""

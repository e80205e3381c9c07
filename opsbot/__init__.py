"""A Telegram bot for those who deploy: it shows, decides and acts through shipper."""

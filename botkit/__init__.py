"""What the bots of this house stand on: from Telegram into the database, and through their handlers, without a loss."""

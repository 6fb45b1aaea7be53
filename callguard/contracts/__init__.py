"""What parts say to each other: events, commands, messages of workers, cards, and the words that all share."""

"""What tests of the ARI side share."""

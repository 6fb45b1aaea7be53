"""Scripts for those who work on CallGuard."""

"""Scripts for developers of CallGuard."""

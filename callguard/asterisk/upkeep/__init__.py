"""What we make in Asterisk: what should exist, compared with what does, and worked on until both agree."""

"""Carries out what an alert asks for: ring, prompt, webhook, e-mail, AMI. No way waits for another."""

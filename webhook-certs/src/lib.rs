//! Issues and rotates the CA and the serving certificate of admission webhooks.

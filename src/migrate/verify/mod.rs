//! Proof.
use super::{Input, Migration};
use crate::config::Config;
use std::fmt;

/// What was compared.
#[derive(Clone, Debug)]
pub struct Compared {}

impl Compared {
    /// Whether traffic would change.
    pub fn changes_traffic(&self) -> bool {
        false
    }
}

impl fmt::Display for Compared {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}

/// Compares.
pub fn compare(_migration: &Migration, _input: &Input, _config: &Config) -> Vec<Compared> {
    Vec::new()
}

//! Services of type LoadBalancer: Gateways with NLBs.

use super::names::Names;
use super::{Input, Migration, Options};

/// Adds what Services become.
pub fn add(_input: &Input, _options: Options, _names: &mut Names, _migration: &mut Migration, _errors: &mut Vec<String>) {}

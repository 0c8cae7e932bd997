//! `crds`: the custom resource definitions, for `kubectl apply --server-side -f -`.

use crate::api::crds::{RenderError, render_yaml};

/// All definitions as one YAML stream.
pub fn render() -> Result<String, RenderError> {
    render_yaml()
}

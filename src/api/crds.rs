//! The custom resource definitions, generated from our types and equal in schema to the ones upstream ships.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, CustomResourceDefinitionVersion, JSON, JSONSchemaProps, JSONSchemaPropsOrArray,
    JSONSchemaPropsOrBool,
};
use kube::CustomResourceExt;

use super::gateway_config::{ListenerRuleConfiguration, LoadBalancerConfiguration, TargetGroupConfiguration};
use super::{AlbTargetControlConfig, GlobalAccelerator, IngressClassParams, TargetGroupBinding};

/// Spec fields that `v1alpha1` of `TargetGroupBinding` does not have.
const NEW_IN_V1BETA1: [&str; 4] = ["targetGroupProtocol", "nodeSelector", "ipAddressType", "vpcID"];

/// Whoever deletes a definition deletes every object of its kind. So tools that would take it for a part of a release keep it.
const KEEP: [(&str, &str); 2] =
    [("argocd.argoproj.io/sync-options", "Prune=false,Delete=false"), ("helm.sh/resource-policy", "keep")];

/// Why the definitions can't be printed.
#[derive(Debug, thiserror::Error)]
#[error("custom resource definition `{name}` can't be printed as YAML: {source}")]
pub struct RenderError {
    /// Name of the definition.
    name: String,
    /// What the serializer said.
    source: serde_saphyr::SerializeError,
}

/// The definitions of group `elbv2.k8s.aws`, in the order of upstream's bundle.
pub fn crds() -> Vec<CustomResourceDefinition> {
    let mut bindings = TargetGroupBinding::crd();
    let alpha: Vec<_> = bindings.spec.versions.iter().map(v1alpha1_of).collect();
    bindings.spec.versions.splice(0..0, alpha);
    let mut crds = vec![IngressClassParams::crd(), bindings, AlbTargetControlConfig::crd()];
    crds.iter_mut().for_each(match_controller_gen);
    crds
}

/// The definitions of group `aga.k8s.aws`.
pub fn global_accelerator_crds() -> Vec<CustomResourceDefinition> {
    let mut crds = vec![GlobalAccelerator::crd()];
    crds.iter_mut().for_each(match_controller_gen);
    crds
}

/// The definitions of group `gateway.k8s.aws`, in the order of upstream's bundle.
pub fn gateway_crds() -> Vec<CustomResourceDefinition> {
    let mut crds = vec![
        ListenerRuleConfiguration::crd(),
        LoadBalancerConfiguration::crd(),
        TargetGroupConfiguration::crd(),
    ];
    for crd in &mut crds {
        let beta: Vec<_> =
            crd.spec.versions.iter().map(|stored| v1beta1_of(&crd.spec.names.kind, stored)).collect();
        crd.spec.versions.extend(beta);
        match_controller_gen(crd);
    }
    crds
}

/// Every definition as one YAML stream, as `kubectl apply -f` takes it.
pub fn render_yaml() -> Result<String, RenderError> {
    Ok(render(crds())? + &render(global_accelerator_crds())? + &render(gateway_crds())?)
}

/// Definitions as a YAML stream, as the chart ships them.
fn render(definitions: Vec<CustomResourceDefinition>) -> Result<String, RenderError> {
    let mut stream = String::new();
    for crd in definitions {
        let yaml = serde_saphyr::to_string(&crd)
            .map_err(|source| RenderError { name: crd.metadata.name.unwrap_or_default(), source })?;
        stream.push_str("---\n");
        stream.push_str(&yaml);
    }
    Ok(stream)
}

fn v1beta1_of(kind: &str, stored: &CustomResourceDefinitionVersion) -> CustomResourceDefinitionVersion {
    let warning = format!("gateway.k8s.aws/v1beta1 {kind} is deprecated; use gateway.k8s.aws/v1 instead");
    CustomResourceDefinitionVersion {
        name: "v1beta1".to_owned(),
        storage: false,
        deprecated: Some(true),
        deprecation_warning: Some(warning),
        ..stored.clone()
    }
}

fn v1alpha1_of(stored: &CustomResourceDefinitionVersion) -> CustomResourceDefinitionVersion {
    let mut version =
        CustomResourceDefinitionVersion { name: "v1alpha1".to_string(), storage: false, ..stored.clone() };
    // why: this version has no conditions
    if let Some(columns) = &mut version.additional_printer_columns {
        columns.retain(|column| !column.json_path.contains(".status."));
    }
    let root = version.schema.as_mut().and_then(|schema| schema.open_api_v3_schema.as_mut());
    if let Some(fields) = root.and_then(|root| root.properties.as_mut()) {
        remove_properties(fields.get_mut("spec"), &NEW_IN_V1BETA1);
        remove_properties(fields.get_mut("status"), &["conditions"]);
    }
    version
}

fn remove_properties(schema: Option<&mut JSONSchemaProps>, names: &[&str]) {
    if let Some(properties) = schema.and_then(|schema| schema.properties.as_mut()) {
        properties.retain(|name, _| !names.contains(&name.as_str()));
    }
}

/// Removes what kube's derive writes and controller-gen does not.
///
/// why: `null` for an absent field is not a value upstream's schema takes, and objects without `spec` are legal there.
fn match_controller_gen(crd: &mut CustomResourceDefinition) {
    crd.metadata.annotations =
        Some(KEEP.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect());
    crd.spec.names.categories = None;
    crd.spec.names.short_names = None;
    crd.spec.names.list_kind = Some(format!("{}List", crd.spec.names.kind));
    for version in &mut crd.spec.versions {
        version.subresources.get_or_insert_default();
        if let Some(root) = version.schema.as_mut().and_then(|schema| schema.open_api_v3_schema.as_mut()) {
            declare_type_meta(root);
            match_field(root);
        }
    }
}

/// Declares the fields that every object has.
fn declare_type_meta(root: &mut JSONSchemaProps) {
    root.required = None;
    root.title = None;
    let properties = root.properties.get_or_insert_default();
    for (name, type_) in [("apiVersion", "string"), ("kind", "string"), ("metadata", "object")] {
        properties.insert(name.to_string(), of_type(type_));
    }
}

fn of_type(name: &str) -> JSONSchemaProps {
    JSONSchemaProps { type_: Some(name.to_string()), ..JSONSchemaProps::default() }
}

fn match_field(schema: &mut JSONSchemaProps) {
    schema.nullable = None;
    if schema.x_kubernetes_int_or_string == Some(true) {
        schema.any_of = Some(vec![of_type("integer"), of_type("string")]);
    }
    if let Some(values) = &mut schema.enum_ {
        values.retain(|JSON(value)| !value.is_null());
    }
    for property in schema.properties.iter_mut().flat_map(|properties| properties.values_mut()) {
        match_field(property);
    }
    match &mut schema.items {
        Some(JSONSchemaPropsOrArray::Schema(items)) => match_field(items),
        Some(JSONSchemaPropsOrArray::Schemas(items)) => items.iter_mut().for_each(match_field),
        None => {}
    }
    if let Some(JSONSchemaPropsOrBool::Schema(values)) = &mut schema.additional_properties {
        match_field(values);
    }
}

#[cfg(test)]
mod tests;

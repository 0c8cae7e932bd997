//! AdmissionReview v1 on the wire.
//! Source: <https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/>

use super::bounded_json::BoundedJson;
use crate::admission::{AdmissionOperation, Admitted, Change, Denial};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use std::fmt;
use std::marker::PhantomData;

/// What the API server sends.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AdmissionReview {
    /// Version of the review: `admission.k8s.io/v1`.
    pub api_version: String,
    /// Kind of the review: `AdmissionReview`.
    pub kind: String,
    /// The request; an answer has none.
    #[serde(default, deserialize_with = "object_or_null")]
    pub request: Option<AdmissionRequest>,
}

/// What the API server wants to know.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AdmissionRequest {
    /// Ties answer to request.
    pub uid: String,
    /// `CREATE`, `UPDATE`, `DELETE` or `CONNECT`.
    pub operation: String,
    /// Namespace of the object, also where the object itself does not say.
    #[serde(default)]
    pub namespace: String,
    /// Name, empty when it is generated.
    #[serde(default)]
    pub name: String,
    /// The object as it shall be.
    #[serde(default)]
    pub object: BoundedJson,
    /// The object as it was.
    #[serde(default)]
    pub old_object: BoundedJson,
    /// Nothing may be changed anywhere because of a dry run.
    #[serde(default)]
    pub dry_run: Option<bool>,
}

impl AdmissionRequest {
    /// The operation, as far as we tell operations apart.
    pub fn operation(&self) -> AdmissionOperation {
        match self.operation.as_str() {
            "CREATE" => AdmissionOperation::Create,
            "UPDATE" => AdmissionOperation::Update,
            _ => AdmissionOperation::Other,
        }
    }

    /// The object as it was, if there was one.
    pub fn old(&self) -> Option<&Value> {
        (!self.old_object.value.is_null()).then_some(&self.old_object.value)
    }

    /// Whether the objects are here as they came. Otherwise there is too much of them to be checked.
    pub fn is_whole(&self) -> bool {
        !self.object.is_cut && !self.old_object.is_cut
    }

    /// Whether nothing may be changed anywhere because of the request.
    pub fn is_dry_run(&self) -> bool {
        self.dry_run == Some(true)
    }

    /// What is to happen, as the checks see it.
    pub fn change(&self) -> Change<'_> {
        Change {
            operation: self.operation(),
            namespace: &self.namespace,
            object: &self.object.value,
            old: self.old(),
        }
    }
}

/// Reads an object, and null as nothing. Anything else is an error, an array too, which serde would otherwise take for the
/// fields in their order.
fn object_or_null<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    struct Object<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for Object<T> {
        type Value = Option<T>;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("an object")
        }

        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<Self::Value, A::Error> {
            T::deserialize(MapAccessDeserializer::new(fields)).map(Some)
        }
    }

    deserializer.deserialize_any(Object(PhantomData))
}

/// The head of a review whose objects nobody looks at.
#[derive(Debug, Deserialize)]
pub struct Head {
    /// The request, as far as it is read first.
    pub request: RequestHead,
}

/// What ties an answer to a request.
#[derive(Debug, Deserialize)]
pub struct RequestHead {
    /// Ties answer to request.
    pub uid: String,
}

/// The answer to an admitted request. The patch holds just the difference to the object that came.
pub fn admitted(request: &AdmissionRequest, admitted: Admitted) -> Value {
    let mut response = json!({"uid": request.uid, "allowed": true});
    if let Some(object) = &admitted.object {
        let patch = json_patch::diff(&request.object.value, object);
        if !patch.0.is_empty()
            && let Ok(bytes) = serde_json::to_vec(&patch)
        {
            set(&mut response, "patchType", Value::from("JSONPatch"));
            set(&mut response, "patch", Value::from(STANDARD.encode(bytes)));
        }
    }
    if !admitted.warnings.is_empty() {
        set(&mut response, "warnings", Value::from(admitted.warnings));
    }
    envelope(&response)
}

/// The answer to a request that is admitted as it came, with a warning.
pub fn admitted_unchecked(uid: &str, warning: &str) -> Value {
    envelope(&json!({"uid": uid, "allowed": true, "warnings": [warning]}))
}

/// The answer to a refused request. Its code tells programs whether it makes sense to try the same again.
pub fn denied(uid: &str, denial: &Denial) -> Value {
    let (code, reason) = if denial.is_for_now { (503, "ServiceUnavailable") } else { (403, "Forbidden") };
    let status = json!({"code": code, "reason": reason, "message": denial.message});
    let mut response = json!({"uid": uid, "allowed": false, "status": status});
    if !denial.warnings.is_empty() {
        set(&mut response, "warnings", Value::from(denial.warnings.clone()));
    }
    envelope(&response)
}

fn set(response: &mut Value, key: &str, value: Value) {
    if let Some(response) = response.as_object_mut() {
        response.insert(key.to_owned(), value);
    }
}

fn envelope(response: &Value) -> Value {
    json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response})
}

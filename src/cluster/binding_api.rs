//! Writes about TargetGroupBindings and their pods, and the reads that must not come from a cache.

use super::api_error::said;
use super::events::{Recorder, Regarding};
use super::pages::list_all;
use super::write::{self, is_not_found};
use crate::api::meta::{ENDPOINT_SLICE_SERVICE_LABEL, TARGET_GROUP_BINDING_FINALIZER};
use crate::api::{
    ConfigMap, EndpointSlice, Endpoints, ObjectKey, Pod, PodCondition, Service, TargetGroupBinding,
};
use crate::deploy::targets::traits::{ApiFailure, ApiFuture, BindingApi, BindingEvent, ServiceEndpoints};
use crate::targets::view::SliceView;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::{Client, Error, ResourceExt};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The API server, as the binding controller needs it.
pub struct KubeBindingApi {
    client: Client,
    recorder: Recorder,
    use_slices: bool,
}

impl KubeBindingApi {
    /// `use_slices`: endpoints come from EndpointSlices, not from Endpoints.
    pub fn new(client: Client, recorder: &Recorder, use_slices: bool) -> Self {
        Self { client, recorder: recorder.component("targetGroupBinding"), use_slices }
    }

    fn bindings(&self, key: &ObjectKey) -> Api<TargetGroupBinding> {
        Api::namespaced(self.client.clone(), key.namespace())
    }

    fn config_maps(&self, key: &ObjectKey) -> Api<ConfigMap> {
        Api::namespaced(self.client.clone(), key.namespace())
    }

    async fn read_slices(&self, service: &ObjectKey) -> Result<Option<Vec<SliceView>>, Error> {
        if self.use_slices {
            let api: Api<EndpointSlice> = Api::namespaced(self.client.clone(), service.namespace());
            let of_service =
                ListParams::default().labels(&format!("{ENDPOINT_SLICE_SERVICE_LABEL}={}", service.name()));
            let slices = api.list(&of_service).await?;
            return Ok(Some(slices.items.iter().filter_map(SliceView::from_slice).collect()));
        }
        let api: Api<Endpoints> = Api::namespaced(self.client.clone(), service.namespace());
        Ok(api.get_opt(service.name()).await?.map(|endpoints| SliceView::from_endpoints(&endpoints)))
    }
}

#[expect(clippy::needless_pass_by_value, reason = "used as map_err(failure)")]
fn failure(error: Error) -> ApiFailure {
    if is_not_found(&error) {
        ApiFailure::NotFound(said(&error).into_owned())
    } else {
        ApiFailure::Refused(said(&error).into_owned())
    }
}

impl BindingApi for KubeBindingApi {
    fn add_finalizer<'a>(&'a self, binding: &'a ObjectKey) -> ApiFuture<'a, ()> {
        Box::pin(async move {
            let api = self.bindings(binding);
            write::add_finalizer(&api, binding.name(), TARGET_GROUP_BINDING_FINALIZER)
                .await
                .map(drop)
                .map_err(failure)
        })
    }

    fn remove_finalizer<'a>(&'a self, binding: &'a ObjectKey) -> ApiFuture<'a, ()> {
        Box::pin(async move {
            let api = self.bindings(binding);
            write::remove_finalizer(&api, binding.name(), TARGET_GROUP_BINDING_FINALIZER)
                .await
                .map(drop)
                .map_err(failure)
        })
    }

    fn patch_annotations<'a>(
        &'a self,
        binding: &'a ObjectKey,
        annotations: BTreeMap<&'static str, String>,
    ) -> ApiFuture<'a, String> {
        Box::pin(async move {
            let patch = json!({"metadata": {"annotations": annotations}});
            let patched = self
                .bindings(binding)
                .patch(binding.name(), &PatchParams::default(), &Patch::Merge(&patch))
                .await
                .map_err(failure)?;
            Ok(patched.resource_version().unwrap_or_default())
        })
    }

    fn patch_status<'a>(&'a self, binding: &'a ObjectKey, status: Value) -> ApiFuture<'a, ()> {
        Box::pin(async move {
            write::patch_status(&self.bindings(binding), binding.name(), &status).await.map_err(failure)
        })
    }

    fn patch_pod_condition<'a>(
        &'a self,
        pod: &'a ObjectKey,
        uid: &'a str,
        condition: PodCondition,
    ) -> ApiFuture<'a, ()> {
        Box::pin(async move {
            let api: Api<Pod> = Api::namespaced(self.client.clone(), pod.namespace());
            let patch = json!({"metadata": {"uid": uid}, "status": {"conditions": [condition]}});
            api.patch_status(pod.name(), &PatchParams::default(), &Patch::Strategic(&patch))
                .await
                .map(drop)
                .map_err(failure)
        })
    }

    fn read_config_map<'a>(&'a self, key: &'a ObjectKey) -> ApiFuture<'a, Option<ConfigMap>> {
        Box::pin(async move { self.config_maps(key).get_opt(key.name()).await.map_err(failure) })
    }

    fn write_config_map(&self, config_map: ConfigMap) -> ApiFuture<'_, ()> {
        Box::pin(async move {
            let key = ObjectKey::of(&config_map);
            let api = self.config_maps(&key);
            match api.replace(key.name(), &PostParams::default(), &config_map).await {
                Err(error) if is_not_found(&error) => {
                    api.create(&PostParams::default(), &config_map).await.map(drop).map_err(failure)
                }
                replaced => replaced.map(drop).map_err(failure),
            }
        })
    }

    fn delete_config_map<'a>(&'a self, key: &'a ObjectKey) -> ApiFuture<'a, ()> {
        Box::pin(async move {
            match self.config_maps(key).delete(key.name(), &DeleteParams::default()).await {
                Err(error) if !is_not_found(&error) => Err(failure(error)),
                _ => Ok(()),
            }
        })
    }

    fn read_backend<'a>(&'a self, service: &'a ObjectKey) -> ApiFuture<'a, ServiceEndpoints> {
        Box::pin(async move {
            let api: Api<Service> = Api::namespaced(self.client.clone(), service.namespace());
            let found = api.get_opt(service.name()).await.map_err(failure)?;
            let slices = self.read_slices(service).await.map_err(failure)?;
            Ok(ServiceEndpoints { service: found, slices })
        })
    }

    fn read_bindings_outside<'a>(&'a self, namespace: &'a str) -> ApiFuture<'a, Vec<TargetGroupBinding>> {
        Box::pin(async move {
            let api: Api<TargetGroupBinding> = Api::all(self.client.clone());
            let is_outside = |binding: &TargetGroupBinding| binding.namespace().as_deref() != Some(namespace);
            list_all(&api, |binding| Some(binding).filter(is_outside)).await.map_err(failure)
        })
    }

    fn record(&self, binding: &TargetGroupBinding, event: BindingEvent) {
        let regarding = Regarding::of("elbv2.k8s.aws/v1beta1", "TargetGroupBinding", binding);
        let kind = if event.is_warning { "Warning" } else { "Normal" };
        self.recorder.record(regarding, kind, event.reason, event.message);
    }

    fn record_on_service(&self, service: &Service, event: BindingEvent) {
        let regarding = Regarding::of("v1", "Service", service);
        let kind = if event.is_warning { "Warning" } else { "Normal" };
        self.recorder.record(regarding, kind, event.reason, event.message);
    }
}

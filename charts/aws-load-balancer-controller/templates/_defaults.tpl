{{/*
Values that are absent or null get their defaults, so that every template may look into every map. Values are absent where
`--reuse-values` brings those of another chart along, and null where somebody asks for the default.
`validation` is the other name of `annotationValidation`, and wins.
Values for which null means "leave the field out", such as livenessProbe, are not among them.
*/}}
{{- define "lbc.defaults" -}}
{{- $defaults := include "lbc.defaultValues" . | fromYaml -}}
{{- if .Values.validation -}}
{{- $_ := set .Values "annotationValidation" .Values.validation -}}
{{- end -}}
{{- include "lbc.fill" (list .Values $defaults) -}}
{{- include "lbc.checkImage" . -}}
{{- end -}}

{{/* Arguments: a map, and the defaults for it. Afterwards the map has every key of the defaults. */}}
{{- define "lbc.fill" -}}
{{- $map := first . -}}
{{- range $key, $default := last . -}}
{{- $value := index $map $key -}}
{{- if kindIs "invalid" $value -}}
{{- $_ := set $map $key (deepCopy $default) -}}
{{- else if and (kindIs "map" $default) (kindIs "map" $value) -}}
{{- include "lbc.fill" (list $value $default) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* A test compares them with values.yaml. */}}
{{- define "lbc.defaultValues" -}}
annotationValidation: enforce
autoscaling: {enabled: false, minReplicas: 1, maxReplicas: 5}
certDiscovery: {}
certManagement: {}
certManager: {rootCert: {duration: 43800h0m0s}}
cluster: {dnsDomain: cluster.local}
clusterSecretsPermissions: {allowAllSecrets: false}
configureDefaultAffinity: true
console: {enabled: false, port: 8090, tokenSecret: ""}
controllerConfig: {}
createIngressClassResource: true
dashboard: {enabled: false, labels: {grafana_dashboard: "1"}}
enableServiceMutatorWebhook: true
image: {repository: "", tag: "", pullPolicy: IfNotPresent}
ingressClass: alb
ingressClassConfig: {default: false}
ingressClassParams: {create: true}
metricsBindAddr: ""
networkPolicy: {enabled: false}
objectSelector: {}
podDrain: {enabled: false}
podMutatorWebhookConfig: {failurePolicy: Ignore}
prometheusRule: {enabled: false, runbookBase: monitoring.md}
rbac: {create: true}
replicaCount: 2
revisionHistoryLimit: 10
secretCertificates: {secrets: {}}
serviceAccount: {create: true, automountServiceAccountToken: true}
serviceMonitor: {enabled: false}
serviceMutatorWebhookConfig: {failurePolicy: Fail, objectSelector: {}, operations: [CREATE]}
serviceValidatorWebhookConfig: {failurePolicy: Ignore, objectSelector: {}}
terminationGracePeriodSeconds: 10
webhookConfig:
  ingressValdationFailurePolicy: Fail
  ingressValidationObjectSelector: {}
  ingressValidationNamespaceSelector: {}
webhookTLS: {}
{{- end -}}

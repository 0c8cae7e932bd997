{{/* What every webhook has. Argument: a list of the root context and the path. */}}
{{- define "lbc.webhookCommon" -}}
{{- $root := first . -}}
admissionReviewVersions: [v1]
sideEffects: None
timeoutSeconds: 5
clientConfig:
  {{- with include "lbc.caBundle" $root }}
  {{- . | nindent 2 }}
  {{- end }}
  service:
    name: {{ include "lbc.webhookService" $root }}
    namespace: {{ $root.Release.Namespace }}
    path: {{ last . }}
{{- end -}}

{{- define "lbc.podRule" -}}
rules:
  - apiGroups: [""]
    apiVersions: [v1]
    operations: [CREATE]
    resources: [pods]
{{- end -}}

{{/* Pods that cannot be asked about are created without a sleep, because they must be created. */}}
{{- define "lbc.podDrainWebhook" -}}
{{- if not (semverCompare ">=1.30-0" .Capabilities.KubeVersion.Version) -}}
{{- fail (printf "podDrain.enabled needs Kubernetes 1.30 or later, whose preStop hooks can sleep; this is %s" .Capabilities.KubeVersion.Version) -}}
{{- end -}}
{{- include "lbc.webhookCommon" (list . "/mutate-v1-pod-drain") }}
failurePolicy: Ignore
{{ include "lbc.objectSelector" (list . .Values.objectSelector) }}
{{ include "lbc.podRule" . }}
{{- end -}}

{{/* Our own objects must be installable before our webhooks answer. */}}
{{- define "lbc.notOurOwn" -}}
- {key: app.kubernetes.io/name, operator: NotIn, values: [{{ include "lbc.name" . }}]}
{{- end -}}

{{/* A selector from values; nothing if it is empty. Arguments: field name, selector. */}}
{{- define "lbc.selector" -}}
{{- $selector := default dict (last .) -}}
{{- if or $selector.matchExpressions $selector.matchLabels -}}
{{ first . }}:
  {{- with $selector.matchExpressions }}
  matchExpressions:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $selector.matchLabels }}
  matchLabels:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}
{{- end -}}

{{/* An object selector that spares our own objects. Arguments: root context, selector from values. */}}
{{- define "lbc.objectSelector" -}}
{{- $selector := default dict (last .) -}}
objectSelector:
  matchExpressions:
    {{- include "lbc.notOurOwn" (first .) | nindent 4 }}
    {{- with $selector.matchExpressions }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with $selector.matchLabels }}
  matchLabels:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}

{{/* Conditions in CEL keep requests away from the webhooks that these have nothing to say to. */}}
{{- define "lbc.hasMatchConditions" -}}
{{- if semverCompare ">=1.28-0" .Capabilities.KubeVersion.Version }}yes{{ end -}}
{{- end -}}

{{/* Arguments: root context, then names of conditions. */}}
{{- define "lbc.matchConditions" -}}
{{- $root := first . -}}
{{- if include "lbc.hasMatchConditions" $root -}}
matchConditions:
  {{- range $name := rest . }}
  - name: {{ $name }}
    expression: {{ include (printf "lbc.condition.%s" $name) $root | quote }}
  {{- end }}
{{- end -}}
{{- end -}}

{{/* The controller does not depend on its own webhooks to write. */}}
{{- define "lbc.condition.not-from-controller" -}}
request.userInfo.username != 'system:serviceaccount:{{ .Release.Namespace }}:{{ include "lbc.serviceAccount" . }}'
{{- end -}}

{{/* Changes of finalizers, labels and owners say nothing new; neither does an object that is on its way out. */}}
{{- define "lbc.condition.changed" -}}
!has(object.metadata.deletionTimestamp) && (oldObject == null || object.spec != oldObject.spec || (has(object.metadata.annotations) ? object.metadata.annotations : {}) != (has(oldObject.metadata.annotations) ? oldObject.metadata.annotations : {}))
{{- end -}}

{{/* The same of kinds whose annotations nobody reads; the spec of our own may be absent. */}}
{{- define "lbc.condition.changed-spec" -}}
!has(object.metadata.deletionTimestamp) && (oldObject == null || !has(object.spec) || !has(oldObject.spec) || object.spec != oldObject.spec)
{{- end -}}

{{/* A pod that asks to be drained by its own annotation. */}}
{{- define "lbc.condition.asks-for-drain" -}}
has(object.metadata.annotations) && 'elbv2.k8s.aws/pod-drain-inject' in object.metadata.annotations && object.metadata.annotations['elbv2.k8s.aws/pod-drain-inject'] == 'enabled'
{{- end -}}

{{- define "lbc.condition.without-class" -}}
has(object.spec.type) && object.spec.type == 'LoadBalancer' && (!has(object.spec.loadBalancerClass) || object.spec.loadBalancerClass == '')
{{- end -}}

{{/* Of an update the old object counts too: a Service that ceases to be ours loses its load balancer, and its owner is warned. */}}
{{- define "lbc.condition.ours" -}}
{{- $class := default "service.k8s.aws/nlb" .Values.loadBalancerClass -}}
[object, oldObject].exists(it, it != null && ((has(it.spec.loadBalancerClass) && it.spec.loadBalancerClass == '{{ $class }}') || (has(it.metadata.annotations) && it.metadata.annotations.exists(key, key.startsWith('service.beta.kubernetes.io/aws-load-balancer-') || key.startsWith('alb.ingress.kubernetes.io/')))))
{{- end -}}

{{/* What the webhooks for Ingresses have. Arguments: root context, failure policy, condition that tells whose Ingresses it is for. */}}
{{- define "lbc.ingressWebhook" -}}
{{- $root := first . -}}
{{- include "lbc.webhookCommon" (list $root "/validate-networking-v1-ingress") }}
failurePolicy: {{ index . 1 }}
matchPolicy: Equivalent
{{- with include "lbc.selector" (list "objectSelector" $root.Values.webhookConfig.ingressValidationObjectSelector) }}
{{ . }}
{{- end }}
{{- with include "lbc.selector" (list "namespaceSelector" $root.Values.webhookConfig.ingressValidationNamespaceSelector) }}
{{ . }}
{{- end }}
{{- with include "lbc.matchConditions" (list $root "not-from-controller" (last .) "changed") }}
{{ . }}
{{- end }}
rules:
  - apiGroups: [networking.k8s.io]
    apiVersions: [v1]
    operations: [CREATE, UPDATE]
    resources: [ingresses]
{{- end -}}

{{/* An Ingress that names our class, or has annotations of ours and no other class annotation. */}}
{{- define "lbc.condition.our-ingress" -}}
{{- $class := default "alb" .Values.ingressClass -}}
has(object.metadata.annotations) && 'kubernetes.io/ingress.class' in object.metadata.annotations ? object.metadata.annotations['kubernetes.io/ingress.class'] == '{{ $class }}' : {{ if .Values.ingressClass }}(has(object.spec.ingressClassName) && object.spec.ingressClassName == '{{ $class }}'){{ else }}!has(object.spec.ingressClassName) || object.spec.ingressClassName == '{{ $class }}'{{ end }} || (has(object.metadata.annotations) && object.metadata.annotations.exists(key, key.startsWith('alb.ingress.kubernetes.io/')))
{{- end -}}

{{/* An Ingress that names any other class: a class of ours may have any name, which only the webhook can tell. It must not stop
Ingresses of other controllers, so its failure policy is Ignore. */}}
{{- define "lbc.condition.ingress-of-other-class" -}}
{{- $class := default "alb" .Values.ingressClass -}}
has(object.spec.ingressClassName) && object.spec.ingressClassName != '{{ $class }}' && !(has(object.metadata.annotations) && object.metadata.annotations.exists(key, key == 'kubernetes.io/ingress.class' || key.startsWith('alb.ingress.kubernetes.io/')))
{{- end -}}

{{/* Names and labels. They are part of the contract: an upgrade takes over objects by their names. */}}

{{- define "lbc.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* Name of the objects that exist once a release. */}}
{{- define "lbc.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- $full := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- default $full .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* Start of the names of everything around the webhooks; 42 characters leave room for the longest suffix. */}}
{{- define "lbc.prefix" -}}
{{- default (trimSuffix "-controller" .Chart.Name) .Values.nameOverride | trunc 42 | trimSuffix "-" -}}
{{- end -}}

{{- define "lbc.serviceAccount" -}}
{{- $fallback := ternary (include "lbc.fullname" .) "default" .Values.serviceAccount.create -}}
{{- default $fallback .Values.serviceAccount.name -}}
{{- end -}}

{{- define "lbc.webhookService" -}}
{{ include "lbc.prefix" . }}-webhook-service
{{- end -}}

{{- define "lbc.webhookConfiguration" -}}
{{ include "lbc.prefix" . }}-webhook
{{- end -}}

{{/* Secret of certificates that come from outside: from values or from cert-manager. */}}
{{- define "lbc.tlsSecret" -}}
{{ include "lbc.prefix" . }}-tls
{{- end -}}

{{/* Secret of certificates that the controller issues itself. */}}
{{- define "lbc.ownSecret" -}}
{{ include "lbc.prefix" . }}-webhook-certs
{{- end -}}

{{- define "lbc.ingressClassParams" -}}
{{- default .Values.ingressClass .Values.ingressClassParams.name -}}
{{- end -}}

{{- define "lbc.selectorLabels" -}}
app.kubernetes.io/name: {{ include "lbc.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "lbc.labels" -}}
{{- if eq (default "helm" .Values.creator) "helm" -}}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ end -}}
{{ include "lbc.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- with .Values.additionalLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Port of the metrics listener: what follows the last colon of the address; nothing where the address is 0, which switches it off. */}}
{{- define "lbc.metricsPort" -}}
{{- $address := toString .Values.metricsBindAddr -}}
{{- if ne $address "0" -}}
{{- regexMatch ":[0-9]+$" $address | ternary (splitList ":" $address | last) "8080" -}}
{{- end -}}
{{- end -}}

{{- define "lbc.webhookPort" -}}
{{- .Values.webhookBindPort | default 9443 | int64 -}}
{{- end -}}

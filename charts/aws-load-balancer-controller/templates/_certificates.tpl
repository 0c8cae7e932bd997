{{/*
Where the certificates of the webhooks come from:
  given        webhookTLS holds a full set
  certManager  enableCertManager
  kept         keepTLSSecret, and the Secret of an earlier installation is in the cluster
  own          otherwise: the controller issues and rotates them; nothing secret is ever rendered
*/}}
{{- define "lbc.certificates" -}}
{{- if .Values.enableCertManager -}}
certManager
{{- else if and .Values.webhookTLS.caCert .Values.webhookTLS.cert .Values.webhookTLS.key -}}
given
{{- else if and .Values.keepTLSSecret (include "lbc.keptSecret" .) -}}
kept
{{- else -}}
own
{{- end -}}
{{- end -}}

{{/* Contents of the TLS Secret that is in the cluster, as JSON; nothing if it is missing or not complete. */}}
{{- define "lbc.keptSecret" -}}
{{- $secret := lookup "v1" "Secret" .Release.Namespace (include "lbc.tlsSecret" .) -}}
{{- $content := (default dict $secret).data | default dict -}}
{{- if and (get $content "ca.crt") (get $content "tls.crt") (get $content "tls.key") -}}
{{- pick $content "ca.crt" "tls.crt" "tls.key" | toJson -}}
{{- end -}}
{{- end -}}

{{/* Contents of the rendered TLS Secret, as JSON. */}}
{{- define "lbc.tlsContent" -}}
{{- if eq (include "lbc.certificates" .) "kept" -}}
{{- include "lbc.keptSecret" . -}}
{{- else -}}
{{- with .Values.webhookTLS -}}
{{- dict "ca.crt" (b64enc .caCert) "tls.crt" (b64enc .cert) "tls.key" (b64enc .key) | toJson -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The authority that webhook calls trust, where the chart knows it. */}}
{{- define "lbc.caBundle" -}}
{{- if has (include "lbc.certificates" .) (list "given" "kept") -}}
caBundle: {{ get (include "lbc.tlsContent" . | fromJson) "ca.crt" }}
{{- end -}}
{{- end -}}

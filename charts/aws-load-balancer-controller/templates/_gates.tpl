{{/* Whether a feature gate is on that is on by default: "yes" or nothing. Arguments: root context, name of the gate. */}}
{{- define "lbc.isOn" -}}
{{- $gates := (first .).Values.controllerConfig.featureGates | default dict -}}
{{- $value := get $gates (last .) -}}
{{- if not (and (hasKey $gates (last .)) (has (toString $value | lower) (list "false" "f" "0"))) -}}
yes
{{- end -}}
{{- end -}}

{{/* The same of a feature gate that is off by default. */}}
{{- define "lbc.isSwitchedOn" -}}
{{- $gates := (first .).Values.controllerConfig.featureGates | default dict -}}
{{- if and (hasKey $gates (last .)) (has (toString (get $gates (last .)) | lower) (list "true" "t" "1")) -}}
yes
{{- end -}}
{{- end -}}

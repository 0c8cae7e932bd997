{{/* The image. Without a repository it names what is missing, in a domain that never exists. */}}
{{- define "lbc.image" -}}
{{- .Values.image.repository | default "image.repository-is-not-set.invalid/aws-load-balancer-controller" -}}
:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}

{{/*
Fails where the image cannot be that of this chart. Every API server serves apiregistration.k8s.io, and Helm on its own does not
know of it: that tells an installation, also one by Argo CD, from a look at what the chart renders.
*/}}
{{- define "lbc.checkImage" -}}
{{- $repository := toString .Values.image.repository -}}
{{- $tag := toString .Values.image.tag -}}
{{- $published := regexMatch "^public\\.ecr\\.aws/(eks|amazon)/|^((index\\.|registry-1\\.)?docker\\.io/)?amazon/" $repository -}}
{{- $mirrored := and (regexMatch "(^|/)(eks|amazon)/aws-(load-balancer|alb-ingress)-controller$" $repository) (regexMatch "^v?([12]\\.|3\\.[0-9]+\\.[0-9]{1,2}(\\D|$))" $tag) -}}
{{- if or $published $mirrored -}}
{{- fail (printf "\n\nimage.repository is %s%s: that is the Go controller, which does not know the arguments of this chart and would not start.\nSet image.repository and image.tag to the image of this controller. If the value comes from an earlier installation, use\n--reset-then-reuse-values instead of --reuse-values, or take image.repository and image.tag out of your values.\n" $repository (ternary (printf ":%s" $tag) "" (ne $tag ""))) -}}
{{- end -}}
{{- if and (not $repository) (.Capabilities.APIVersions.Has "apiregistration.k8s.io/v1") -}}
{{- fail "\n\nimage.repository is needed: the repository that holds the image of this controller, such as\n--set image.repository=registry.example.com/aws-load-balancer-controller. `make image` builds the image; see docs/install.md.\n" -}}
{{- end -}}
{{- end -}}

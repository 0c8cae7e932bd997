{{/* The arguments of the controller. A flag is rendered only where its value is set, so that defaults live in one place. */}}
{{- define "lbc.arguments" -}}
- {{ printf "--cluster-name=%s" (tpl (required "clusterName is needed: the name of the cluster, as in its tags" .Values.clusterName) .) | quote }}
{{- $texts := list
  (list "ingress-class" .Values.ingressClass)
  (list "aws-region" (tpl (toString (default "" .Values.region)) .))
  (list "aws-vpc-id" (tpl (toString (default "" .Values.vpcId)) .))
  (list "aws-vpc-tags" (include "lbc.pairs" .Values.vpcTags))
  (list "aws-api-endpoints" (include "lbc.pairs" .Values.awsApiEndpoints))
  (list "aws-api-throttle" (include "lbc.items" .Values.awsApiThrottle))
  (list "default-target-type" (ternary "" .Values.defaultTargetType (eq (default "instance" .Values.defaultTargetType) "instance")))
  (list "default-load-balancer-scheme" .Values.defaultLoadBalancerScheme)
  (list "default-ssl-policy" .Values.defaultSSLPolicy)
  (list "default-tags" (include "lbc.pairs" .Values.defaultTags))
  (list "external-managed-tags" (include "lbc.items" .Values.externalManagedTags))
  (list "default-pca-arn" .Values.certManagement.defaultPCAARN)
  (list "allowed-certificate-authority-arns" (include "lbc.items" .Values.certDiscovery.allowedCertificateAuthorityARNs))
  (list "backend-security-group" .Values.backendSecurityGroup)
  (list "load-balancer-class" .Values.loadBalancerClass)
  (list "service-target-eni-security-group-tags" (include "lbc.pairs" .Values.serviceTargetENISGTags))
  (list "targetgroupbinding-max-exponential-backoff-delay" .Values.targetgroupbindingMaxExponentialBackoffDelay)
  (list "targetgroupbinding-requeue-duration" .Values.targetgroupbindingRequeueDuration)
  (list "globalaccelerator-max-exponential-backoff-delay" .Values.globalAcceleratorMaxExponentialBackoffDelay)
  (list "lb-stabilization-monitor-interval" .Values.lbStabilizationMonitorInterval)
  (list "pod-drain-max-deregistration-delay" (ternary .Values.podDrain.maxDeregistrationDelay "" .Values.podDrain.enabled))
  (list "sync-period" .Values.syncPeriod)
  (list "watch-namespace" .Values.watchNamespace)
  (list "metrics-bind-addr" (toString .Values.metricsBindAddr))
  (list "log-level" .Values.logLevel)
  (list "log-format" .Values.logFormat)
  (list "feature-gates" (include "lbc.pairs" .Values.controllerConfig.featureGates))
  (list "annotation-validation" .Values.annotationValidation)
  (list "kube-ca-pem-filepath" .Values.kubeCaPemFilepath)
}}
{{- range $text := $texts }}
{{- if last $text }}
- {{ printf "--%s=%v" (first $text) (last $text) | quote }}
{{- end }}
{{- end }}
{{- $numbers := list
  (list "aws-max-retries" .Values.awsMaxRetries)
  (list "webhook-bind-port" .Values.webhookBindPort)
  (list "max-targets-per-target-group" .Values.maxTargetsPerTargetGroup)
  (list "ingress-max-concurrent-reconciles" .Values.ingressMaxConcurrentReconciles)
  (list "service-max-concurrent-reconciles" .Values.serviceMaxConcurrentReconciles)
  (list "targetgroupbinding-max-concurrent-reconciles" .Values.targetgroupbindingMaxConcurrentReconciles)
  (list "gateway-class-max-concurrent-reconciles" .Values.gatewayClassMaxConcurrentReconciles)
  (list "alb-gateway-max-concurrent-reconciles" .Values.albGatewayMaxConcurrentReconciles)
  (list "nlb-gateway-max-concurrent-reconciles" .Values.nlbGatewayMaxConcurrentReconciles)
  (list "globalaccelerator-max-concurrent-reconciles" .Values.globalAcceleratorMaxConcurrentReconciles)
}}
{{- range $number := $numbers }}
{{- if last $number }}
- {{ printf "--%s=%d" (first $number) (int64 (last $number)) | quote }}
{{- end }}
{{- end }}
{{- $switches := list
  (list "enable-shield" .Values.enableShield)
  (list "enable-waf" .Values.enableWaf)
  (list "enable-wafv2" .Values.enableWafv2)
  (list "enable-pod-readiness-gate-inject" .Values.enablePodReadinessGateInject)
  (list "enable-endpoint-slices" .Values.enableEndpointSlices)
  (list "enable-backend-security-group" .Values.enableBackendSecurityGroup)
  (list "enable-manage-backend-security-group-rules" .Values.enableManageBackendSecurityGroupRules)
  (list "disable-restricted-sg-rules" .Values.disableRestrictedSecurityGroupRules)
  (list "keep-last-healthy-targets" .Values.keepLastHealthyTargets)
  (list "disable-ingress-class-annotation" .Values.disableIngressClassAnnotation)
  (list "disable-ingress-group-name-annotation" .Values.disableIngressGroupNameAnnotation)
  (list "tolerate-non-existent-backend-service" .Values.tolerateNonExistentBackendService)
  (list "tolerate-non-existent-backend-action" .Values.tolerateNonExistentBackendAction)
}}
{{- range $switch := $switches }}
{{- if kindIs "bool" (last $switch) }}
- {{ printf "--%s=%t" (first $switch) (last $switch) | quote }}
{{- end }}
{{- end }}
{{- if .Values.console.enabled }}
- --console
{{- if ne (int .Values.console.port) 8090 }}
- {{ printf "--console-port=%d" (int .Values.console.port) | quote }}
{{- end }}
{{- if .Values.console.tokenSecret }}
- --console-token-file=/etc/console/token
{{- end }}
{{- end }}
{{- if eq (include "lbc.certificates" .) "own" }}
- {{ printf "--webhook-cert-secret=%s/%s" .Release.Namespace (include "lbc.ownSecret" .) | quote }}
- {{ printf "--webhook-service=%s/%s" .Release.Namespace (include "lbc.webhookService" .) | quote }}
- {{ printf "--webhook-configurations=%s" (include "lbc.webhookConfiguration" .) | quote }}
{{- if ne .Values.cluster.dnsDomain "cluster.local" }}
- {{ printf "--webhook-cluster-domain=%s" .Values.cluster.dnsDomain | quote }}
{{- end }}
{{- end }}
{{- end -}}

{{/* A map as k=v,k=v in the order of its keys; a text as it is. Pairs with a comma or a quote are quoted as in CSV. */}}
{{- define "lbc.pairs" -}}
{{- if kindIs "map" . -}}
{{- $pairs := list -}}
{{- range $key, $value := . -}}
{{- $pairs = append $pairs (include "lbc.csv" (printf "%s=%v" $key $value)) -}}
{{- end -}}
{{- join "," $pairs -}}
{{- else if . -}}
{{- . -}}
{{- end -}}
{{- end -}}

{{/* A list as a,b,c; a text as it is. */}}
{{- define "lbc.items" -}}
{{- if kindIs "slice" . -}}
{{- join "," . -}}
{{- else if . -}}
{{- . -}}
{{- end -}}
{{- end -}}

{{- define "lbc.csv" -}}
{{- if regexMatch "[,\"]" . -}}
{{- printf "%q" . | replace "\\\"" "\"\"" -}}
{{- else -}}
{{- . -}}
{{- end -}}
{{- end -}}

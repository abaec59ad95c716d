{{- /* Fails, with everything that is wrong, where values do not go together. */ -}}
{{- define "medplum-pdp.refuse" -}}
{{- $wrong := list -}}
{{- $v := .Values -}}
{{- $config := $v.config -}}
{{- $text := toYaml $config -}}
{{- if and (eq $v.workload "Deployment") (eq (get $config "audit-mode" | default "required") "required") (not (include "medplum-pdp.hasArchive" .)) -}}
{{- $wrong = append $wrong "workload: Deployment keeps the audit log no longer than the pod, and config.audit-mode is required: use workload: StatefulSet, name an archive (archive.existingClaim or config.audit.archive-command), or choose config.audit-mode: best_effort" -}}
{{- end -}}
{{- if and $v.archive.existingClaim (dig "audit" "archive-command" list $config) -}}
{{- $wrong = append $wrong "archive.existingClaim and config.audit.archive-command: name one of them" -}}
{{- end -}}
{{- if not $config.callers -}}
{{- $wrong = append $wrong "config.callers: nobody may ask; name at least one caller" -}}
{{- end -}}
{{- if include "medplum-pdp.usesMedplum" . -}}
{{- if not (dig "medplum" "base-url" "" $config) -}}
{{- $wrong = append $wrong "config.medplum.base-url: which Medplum server?" -}}
{{- end -}}
{{- if not (dig "medplum" "login" list $config) -}}
{{- $wrong = append $wrong "config.medplum.login: name at least one login" -}}
{{- end -}}
{{- if and $v.networkPolicy.enabled (not $v.networkPolicy.medplum.to) -}}
{{- $wrong = append $wrong "networkPolicy.medplum.to: where is the Medplum server? Name it, as an ipBlock or as pods, or set networkPolicy.enabled: false" -}}
{{- end -}}
{{- else if not $v.policies.existingConfigMap -}}
{{- $wrong = append $wrong "policies.existingConfigMap: which ConfigMap has the policies of config.source?" -}}
{{- end -}}
{{- if and (include "medplum-pdp.usesRestHook" .) (not (dig "medplum" "rest-hook" "endpoint" "" $config)) -}}
{{- $wrong = append $wrong "config.medplum.rest-hook: endpoint and secret-file are required with notifications: rest_hook" -}}
{{- end -}}
{{- if and (include "medplum-pdp.usesRestHook" .) $v.networkPolicy.enabled (not $v.networkPolicy.restHook) -}}
{{- $wrong = append $wrong "networkPolicy.restHook: who sends the rest-hooks?" -}}
{{- end -}}
{{- if and (dig "audit" "archive-command" list $config) $v.networkPolicy.enabled (not $v.networkPolicy.archive) -}}
{{- $wrong = append $wrong "networkPolicy.archive: where does config.audit.archive-command put segments?" -}}
{{- end -}}
{{- if and (eq $v.tls.source "existingSecret") (not $v.tls.existingSecret) -}}
{{- $wrong = append $wrong "tls: gRPC is served with TLS; name tls.existingSecret, or choose tls.source: certManager, or none where something in front does TLS" -}}
{{- end -}}
{{- if and (eq $v.tls.source "certManager") (not $v.tls.certManager.issuerRef.name) -}}
{{- $wrong = append $wrong "tls.certManager.issuerRef.name: who issues the certificate?" -}}
{{- end -}}
{{- if and $v.tls.clientCa.existingSecret (eq $v.tls.source "none") -}}
{{- $wrong = append $wrong "tls.clientCa: certificates of clients are not seen with tls.source: none" -}}
{{- end -}}
{{- range $config.callers -}}
{{- if and .san (not $v.tls.clientCa.existingSecret) -}}
{{- $wrong = append $wrong (printf "config.callers: %s is known by its certificate (san), which needs tls.clientCa.existingSecret" .name) -}}
{{- end -}}
{{- if and (get . "jwks-url") $v.networkPolicy.enabled (not $v.networkPolicy.identityProviders) -}}
{{- $wrong = append $wrong (printf "networkPolicy.identityProviders: where is the jwks-url of %s?" .name) -}}
{{- end -}}
{{- end -}}
{{- if and (contains "/etc/medplum-pdp/secrets/" $text) (not $v.secrets.existingSecret) -}}
{{- $wrong = append $wrong "secrets.existingSecret: config names files below /etc/medplum-pdp/secrets; which Secret has them?" -}}
{{- end -}}
{{- if gt (int $v.autoscaling.minReplicas) (int $v.autoscaling.maxReplicas) -}}
{{- $wrong = append $wrong "autoscaling: minReplicas is more than maxReplicas" -}}
{{- end -}}
{{- if and $v.monitoring.serviceMonitor.enabled $v.networkPolicy.enabled (not $v.networkPolicy.prometheus) -}}
{{- $wrong = append $wrong "networkPolicy.prometheus: where is the Prometheus that reads the metrics?" -}}
{{- end -}}
{{- if $v.tests.tokenKey -}}
{{- if not $v.secrets.existingSecret -}}
{{- $wrong = append $wrong "tests.tokenKey: it is a key of secrets.existingSecret, which is empty" -}}
{{- end -}}
{{- if eq $v.tls.source "none" -}}
{{- $wrong = append $wrong "tests.tokenKey: with tls.source: none pdpctl sends no token to another pod; leave it empty" -}}
{{- end -}}
{{- if and $v.tls.clientCa.existingSecret $v.tls.clientCa.required -}}
{{- $wrong = append $wrong "tests.tokenKey: the test has no certificate, which tls.clientCa.required asks for; leave it empty" -}}
{{- end -}}
{{- end -}}
{{- if $wrong -}}
{{- fail (printf "\n\n- %s\n" (join "\n- " $wrong)) -}}
{{- end -}}
{{- end }}

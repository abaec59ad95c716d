{{- /* The configuration of pdpd: what the values say, and what the chart knows. */ -}}
{{- define "medplum-pdp.config" -}}
{{- $config := deepCopy .Values.config -}}
{{- $listen := .Values.listenAddress -}}
{{- $_ := set $config "data-dir" "/var/lib/medplum-pdp/data" -}}
{{- if .Values.checkpoint.existingClaim -}}
{{- $_ := set $config "bootstrap-from" "/var/lib/medplum-pdp-checkpoint/current" -}}
{{- end -}}
{{- $_ := set $config "listen" (list (printf "%s:8990" $listen) "unix:/run/medplum-pdp/pdp.sock") -}}
{{- $_ := set $config "http-listen" (printf "%s:8991" $listen) -}}
{{- $_ := set $config "drain-timeout" (printf "%ds" (int .Values.drainTimeoutSeconds)) -}}
{{- if eq .Values.tls.source "none" -}}
{{- $_ := set $config "tls" (dict "allow-plaintext" true) -}}
{{- else -}}
{{- $tls := dict "certificate-file" "/etc/medplum-pdp/tls/tls.crt" "private-key-file" "/etc/medplum-pdp/tls/tls.key" -}}
{{- if .Values.tls.clientCa.existingSecret -}}
{{- $_ := set $tls "client-ca-file" "/etc/medplum-pdp/clients/ca.crt" -}}
{{- $_ := set $tls "require-client-certificate" .Values.tls.clientCa.required -}}
{{- end -}}
{{- $_ := set $config "tls" $tls -}}
{{- end -}}
{{- /* A client looks for new replicas when a connection comes of age. */ -}}
{{- $limits := default dict $config.limits -}}
{{- if not (hasKey $limits "connection-age") -}}
{{- $_ := set $limits "connection-age" "10m" -}}
{{- end -}}
{{- $_ := set $config "limits" $limits -}}
{{- $audit := default dict $config.audit -}}
{{- if .Values.archive.existingClaim -}}
{{- $_ := set $audit "archive-directory" "/var/lib/medplum-pdp-archive" -}}
{{- end -}}
{{- /* What is not in the archive ends with the pod: so it goes there soon. */ -}}
{{- if and (eq .Values.workload "Deployment") (include "medplum-pdp.hasArchive" .) (not (hasKey $audit "max-segment-age")) -}}
{{- $_ := set $audit "max-segment-age" "1m" -}}
{{- end -}}
{{- if $audit -}}
{{- $_ := set $config "audit" $audit -}}
{{- end -}}
{{- if include "medplum-pdp.usesRestHook" . -}}
{{- $_ := set (index $config.medplum "rest-hook") "listen" (printf "%s:8992" $listen) -}}
{{- end -}}
{{- if not (include "medplum-pdp.usesMedplum" .) -}}
{{- $_ := unset $config "medplum" -}}
{{- end -}}
{{ toYaml $config }}
{{- end }}

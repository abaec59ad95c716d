{{- define "medplum-pdp.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 52 | trimSuffix "-" -}}
{{- end }}

{{- /* Short enough for the longest suffix, and for a pod's number. */ -}}
{{- define "medplum-pdp.fullname" -}}
{{- $name := include "medplum-pdp.name" . -}}
{{- $default := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- default $default .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- end }}

{{- define "medplum-pdp.headless" -}}
{{ include "medplum-pdp.fullname" . }}-headless
{{- end }}

{{- define "medplum-pdp.instanceLabels" -}}
app.kubernetes.io/name: {{ include "medplum-pdp.name" . }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}

{{- /* Of the servers' pods, and of no others. */ -}}
{{- define "medplum-pdp.selectorLabels" -}}
{{ include "medplum-pdp.instanceLabels" . }}
app.kubernetes.io/component: server
{{- end }}

{{- define "medplum-pdp.commonLabels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "medplum-pdp.labels" -}}
{{ include "medplum-pdp.selectorLabels" . }}
{{ include "medplum-pdp.commonLabels" . }}
{{- end }}

{{- define "medplum-pdp.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{ default (include "medplum-pdp.fullname" .) .Values.serviceAccount.name }}
{{- else -}}
{{ default "default" .Values.serviceAccount.name }}
{{- end -}}
{{- end }}

{{- define "medplum-pdp.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end -}}
{{- end }}

{{- define "medplum-pdp.tlsSecret" -}}
{{- if eq .Values.tls.source "certManager" -}}
{{ include "medplum-pdp.fullname" . }}-tls
{{- else -}}
{{ .Values.tls.existingSecret }}
{{- end -}}
{{- end }}

{{- define "medplum-pdp.usesMedplum" -}}
{{- if eq .Values.config.source "medplum" }}true{{ end -}}
{{- end }}

{{- define "medplum-pdp.usesRestHook" -}}
{{- if eq (dig "medplum" "notifications" "" .Values.config) "rest_hook" }}true{{ end -}}
{{- end }}

{{- define "medplum-pdp.hasArchive" -}}
{{- if or .Values.archive.existingClaim (dig "audit" "archive-command" list .Values.config) }}true{{ end -}}
{{- end }}

{{- define "medplum-pdp.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: {{ .Values.runAsId | int64 }}
runAsGroup: {{ .Values.runAsId | int64 }}
fsGroup: {{ .Values.runAsId | int64 }}
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "medplum-pdp.containerSecurityContext" -}}
allowPrivilegeEscalation: false
privileged: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities:
  drop: [ALL]
{{- end }}

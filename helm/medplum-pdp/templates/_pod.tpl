{{- /* The pods, of a StatefulSet and of a Deployment. */ -}}
{{- define "medplum-pdp.podTemplate" -}}
metadata:
  labels:
    {{- include "medplum-pdp.labels" . | nindent 4 }}
    {{- with .Values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    kubectl.kubernetes.io/default-container: pdpd
    checksum/config: {{ include "medplum-pdp.config" . | sha256sum | quote }}
    {{- with .Values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "medplum-pdp.serviceAccountName" . | quote }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.priorityClassName }}
  priorityClassName: {{ . | quote }}
  {{- end }}
  securityContext:
    {{- include "medplum-pdp.podSecurityContext" . | nindent 4 }}
  # What the hook, the drain and the closing of the store take.
  terminationGracePeriodSeconds: {{ add .Values.preStopSeconds .Values.drainTimeoutSeconds 15 }}
  {{- with include "medplum-pdp.placement" . | trim }}
  {{- . | nindent 2 }}
  {{- end }}
  containers:
    - name: pdpd
      image: {{ include "medplum-pdp.image" . | quote }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      command: [pdpd, --config, /etc/medplum-pdp/config/pdpd.yaml]
      securityContext:
        {{- include "medplum-pdp.containerSecurityContext" . | nindent 8 }}
      {{- if .Values.archive.existingClaim }}
      env:
        - name: POD_NAME
          valueFrom:
            fieldRef:
              fieldPath: metadata.name
      {{- end }}
      ports:
        - name: grpc
          containerPort: 8990
        - name: http
          containerPort: 8991
        {{- if include "medplum-pdp.usesRestHook" . }}
        - name: rest-hook
          containerPort: 8992
        {{- end }}
      {{- include "medplum-pdp.probes" . | nindent 6 }}
      lifecycle:
        preStop:
          exec:
            command: [sleep, {{ .Values.preStopSeconds | toString | quote }}]
      resources:
        {{- toYaml .Values.resources | nindent 8 }}
      volumeMounts:
        - {name: config, mountPath: /etc/medplum-pdp/config, readOnly: true}
        {{- if .Values.secrets.existingSecret }}
        - {name: secrets, mountPath: /etc/medplum-pdp/secrets, readOnly: true}
        {{- end }}
        {{- if ne .Values.tls.source "none" }}
        - {name: tls, mountPath: /etc/medplum-pdp/tls, readOnly: true}
        {{- end }}
        {{- if .Values.tls.clientCa.existingSecret }}
        - {name: clients, mountPath: /etc/medplum-pdp/clients, readOnly: true}
        {{- end }}
        {{- if .Values.policies.existingConfigMap }}
        - {name: policies, mountPath: /etc/medplum-pdp/policies, readOnly: true}
        {{- end }}
        - {name: data, mountPath: /var/lib/medplum-pdp}
        {{- if .Values.archive.existingClaim }}
        - {name: archive, mountPath: /var/lib/medplum-pdp-archive, subPathExpr: $(POD_NAME)}
        {{- end }}
        {{- if .Values.checkpoint.existingClaim }}
        - {name: checkpoint, mountPath: /var/lib/medplum-pdp-checkpoint, readOnly: true}
        {{- end }}
        - {name: run, mountPath: /run/medplum-pdp}
        - {name: tmp, mountPath: /tmp}
  volumes:
    {{- include "medplum-pdp.volumes" . | nindent 4 }}
{{- end }}

{{- /* /livez: the process answers.  Readiness: the first load is complete, and
the server does not drain; over gRPC only where that is plain text, as a kubelet
speaks no TLS. */ -}}
{{- define "medplum-pdp.probes" -}}
startupProbe:
  httpGet: {path: /livez, port: http}
  periodSeconds: 2
  failureThreshold: {{ div (add .Values.startupSeconds 1) 2 }}
livenessProbe:
  httpGet: {path: /livez, port: http}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  {{- if eq .Values.tls.source "none" }}
  grpc: {port: 8990}
  {{- else }}
  httpGet: {path: /readyz, port: http}
  {{- end }}
  periodSeconds: 5
  timeoutSeconds: 3
  failureThreshold: 2
{{- end }}

{{- define "medplum-pdp.placement" -}}
{{- $off := and (eq .Values.topologySpread.zone "off") (eq .Values.topologySpread.host "off") -}}
{{- if not $off }}
topologySpreadConstraints:
  {{- range $key, $rule := dict "topology.kubernetes.io/zone" .Values.topologySpread.zone "kubernetes.io/hostname" .Values.topologySpread.host }}
  {{- if ne $rule "off" }}
  - maxSkew: 1
    topologyKey: {{ $key }}
    whenUnsatisfiable: {{ $rule }}
    labelSelector:
      matchLabels:
        {{- include "medplum-pdp.selectorLabels" $ | nindent 8 }}
  {{- end }}
  {{- end }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "medplum-pdp.volumes" -}}
- name: config
  configMap:
    name: {{ include "medplum-pdp.fullname" . }}
{{- if .Values.secrets.existingSecret }}
- name: secrets
  secret:
    secretName: {{ .Values.secrets.existingSecret | quote }}
    defaultMode: 0440
{{- end }}
{{- if ne .Values.tls.source "none" }}
- name: tls
  secret:
    secretName: {{ include "medplum-pdp.tlsSecret" . | quote }}
    defaultMode: 0440
{{- end }}
{{- if .Values.tls.clientCa.existingSecret }}
- name: clients
  secret:
    secretName: {{ .Values.tls.clientCa.existingSecret | quote }}
    defaultMode: 0440
    items:
      - {key: {{ .Values.tls.clientCa.key | quote }}, path: ca.crt}
{{- end }}
{{- if .Values.policies.existingConfigMap }}
- name: policies
  configMap:
    name: {{ .Values.policies.existingConfigMap | quote }}
{{- end }}
{{- if eq .Values.workload "Deployment" }}
- name: data
  emptyDir:
    sizeLimit: {{ .Values.storage.ephemeralSizeLimit | quote }}
{{- end }}
{{- if .Values.checkpoint.existingClaim }}
- name: checkpoint
  persistentVolumeClaim:
    claimName: {{ .Values.checkpoint.existingClaim | quote }}
    readOnly: true
{{- end }}
{{- if .Values.archive.existingClaim }}
- name: archive
  persistentVolumeClaim:
    claimName: {{ .Values.archive.existingClaim | quote }}
{{- end }}
- name: run
  emptyDir:
    medium: Memory
    sizeLimit: 1Mi
- name: tmp
  emptyDir:
    sizeLimit: 64Mi
{{- end }}

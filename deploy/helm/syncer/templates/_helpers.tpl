{{- define "syncer.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "syncer.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else if contains (include "syncer.name" .) .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "syncer.name" .) | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "syncer.selectorLabels" -}}
app.kubernetes.io/name: {{ include "syncer.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "syncer.labels" -}}
{{ include "syncer.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "syncer.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "syncer.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- required "serviceAccount.name is required where serviceAccount.create is false" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "syncer.gatewayNamespace" -}}
{{- default .Release.Namespace .Values.namespace }}
{{- end }}

{{/* Whether the instances come from Kubernetes: a list or a DNS name wins, as in Syncer. Not empty means yes. */}}
{{- define "syncer.usesKubernetes" -}}
{{- if and (empty .Values.config.instances) (empty .Values.config.dns) }}yes{{ end }}
{{- end }}

{{/* config.yaml: the keys of the original, then everything under "config". */}}
{{- define "syncer.config" -}}
{{- $config := dict }}
{{- $required := list }}
{{- if include "syncer.usesKubernetes" . }}
{{- $_ := set $config "namespace" (include "syncer.gatewayNamespace" .) }}
{{- $required = append $required "deployment" }}
{{- end }}
{{- /* Mode keyval asks the API of NGINX Plus, not a protected location. */}}
{{- if ne (dig "probe" "mode" "cookie" .Values.config) "keyval" }}
{{- $required = concat $required (list "host" "path") }}
{{- end }}
{{- range $required }}
{{- $_ := required (printf "%s is required" .) (get $.Values .) }}
{{- end }}
{{- range list "deployment" "host" "path" "domain" "port" "sync_timeout" "connection_timeout" "retries" "request_deadline" "max_keepalives" "host_keepalives" }}
{{- if not (empty (get $.Values .)) }}
{{- $_ := set $config . (get $.Values .) }}
{{- end }}
{{- end }}
{{- $_ := set $config "listen" (printf ":%v" .Values.service.port) }}
{{- if .Values.tls.secretName }}
{{- $_ := set $config "tls" (dict "certFile" "/etc/vsync/tls/tls.crt" "keyFile" "/etc/vsync/tls/tls.key") }}
{{- end }}
{{- toYaml (mergeOverwrite $config (deepCopy .Values.config)) }}
{{- end }}

{{- define "vsync.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "vsync.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else if contains (include "vsync.name" .) .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "vsync.name" .) | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "vsync.selectorLabels" -}}
app.kubernetes.io/name: {{ include "vsync.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "vsync.labels" -}}
{{ include "vsync.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{/* config.json: the value "config", and where this chart reads the metrics. */}}
{{- define "vsync.config" -}}
{{- if not (has .Values.role (list "origin" "destination")) }}
{{- fail "role must be origin or destination" }}
{{- end }}
{{- $_ := required "config.origin is required: the configuration of vsync, without tokens" .Values.config.origin }}
{{- if eq .Values.role "destination" }}
{{- $_ := required "config.destination is required where role is destination" .Values.config.destination }}
{{- end }}
{{- $ours := dict "log" (dict "type" "json") }}
{{- $listen := dict "metrics" (dict "listen" (printf "0.0.0.0:%v" .Values.metrics.port)) }}
{{- toPrettyJson (mergeOverwrite $ours (deepCopy .Values.config) $listen) }}
{{- end }}

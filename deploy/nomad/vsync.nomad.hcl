# An origin and a destination as a Nomad job. Nomad reads the tokens from Vault, and restarts a task when they change.
# Remove the group that another cluster runs.
job "vsync" {
  datacenters = ["*"]
  type        = "service"

  group "origin" {
    count = 1

    network {
      port "metrics" {
        to = 9464
      }
    }

    service {
      name     = "vsync-origin"
      provider = "nomad"
      port     = "metrics"

      check {
        type     = "http"
        path     = "/readyz"
        interval = "15s"
        timeout  = "10s"
      }
    }

    task "origin" {
      driver       = "docker"
      user         = "1000:1000"
      kill_timeout = "30s"

      config {
        image           = "vsync:0.1.0"
        args            = ["origin", "-c", "/local/origin.json"]
        ports           = ["metrics"]
        readonly_rootfs = true
        cap_drop        = ["all"]
      }

      # The role of the workload identity; its policy allows "read" on kv/data/vsync.
      vault {
        role = "vsync"
      }

      env {
        VSYNC_LOG_TYPE       = "json"
        VSYNC_METRICS_LISTEN = "0.0.0.0:9464"
      }

      template {
        destination = "secrets/tokens.env"
        env         = true
        data        = <<EOF
{{ with secret "kv/data/vsync" }}
VSYNC_ORIGIN_VAULT_TOKEN={{ .Data.data.origin_vault }}
VSYNC_ORIGIN_CONSUL_TOKEN={{ .Data.data.origin_consul }}
{{ end }}
EOF
      }

      template {
        destination = "local/origin.json"
        data        = <<EOF
{
  "name": "main",
  "temporal": { "address": "temporal.example.com:7233" },
  "origin": {
    "vault": { "address": "https://vault.origin.example.com:8200" },
    "consul": { "address": "https://consul.origin.example.com:8501" },
    "mounts": ["secret/"]
  }
}
EOF
      }

      resources {
        cpu    = 500
        memory = 512
      }
    }
  }

  group "destination" {
    count = 1

    network {
      port "metrics" {
        to = 9464
      }
    }

    service {
      name     = "vsync-destination"
      provider = "nomad"
      port     = "metrics"

      check {
        type     = "http"
        path     = "/readyz"
        interval = "15s"
        timeout  = "10s"
      }
    }

    task "destination" {
      driver       = "docker"
      user         = "1000:1000"
      kill_timeout = "30s"

      config {
        image           = "vsync:0.1.0"
        args            = ["destination", "-c", "/local/destination.json"]
        ports           = ["metrics"]
        readonly_rootfs = true
        cap_drop        = ["all"]
      }

      vault {
        role = "vsync"
      }

      env {
        VSYNC_LOG_TYPE       = "json"
        VSYNC_METRICS_LISTEN = "0.0.0.0:9464"
      }

      template {
        destination = "secrets/tokens.env"
        env         = true
        data        = <<EOF
{{ with secret "kv/data/vsync" }}
VSYNC_ORIGIN_VAULT_TOKEN={{ .Data.data.origin_vault }}
VSYNC_ORIGIN_CONSUL_TOKEN={{ .Data.data.origin_consul }}
VSYNC_DESTINATION_VAULT_TOKEN={{ .Data.data.destination_vault }}
VSYNC_DESTINATION_CONSUL_TOKEN={{ .Data.data.destination_consul }}
{{ end }}
EOF
      }

      template {
        destination = "local/destination.json"
        data        = <<EOF
{
  "name": "site1",
  "temporal": { "address": "temporal.example.com:7233" },
  "origin": {
    "vault": { "address": "https://vault.origin.example.com:8200" },
    "consul": { "address": "https://consul.origin.example.com:8501" },
    "mounts": ["secret/"]
  },
  "destination": {
    "vault": { "address": "https://vault.site1.example.com:8200" },
    "consul": { "address": "https://consul.site1.example.com:8501" },
    "mounts": ["secret/"]
  }
}
EOF
      }

      resources {
        cpu    = 500
        memory = 512
      }
    }
  }
}

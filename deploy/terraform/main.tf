# The jobs of harvestmouse as CronJobs, the same as deploy/kubernetes/base has them.

locals {
  # The first three names are those of the CronJobs that this module takes over.
  cron_jobs = {
    grab      = "mam-freeleech-grabber"
    spend     = "mam-bp-spender"
    janitor   = "mam-farming-janitor"
    reconcile = "mam-queue-reconciler"
    monitor   = "mam-ratio-monitor"
  }
  labels = {
    "app.kubernetes.io/name" = "harvestmouse"
  }
}

resource "kubernetes_config_map_v1" "harvestmouse" {
  metadata {
    name      = "harvestmouse"
    namespace = var.namespace
    labels    = local.labels
  }
  data = {
    "harvestmouse.toml" = var.config
    "apply"             = tostring(var.apply)
  }
}

resource "kubernetes_cron_job_v1" "job" {
  for_each = local.cron_jobs

  metadata {
    name      = each.value
    namespace = var.namespace
    labels    = local.labels
  }
  spec {
    schedule                      = var.schedules[each.key]
    concurrency_policy            = "Forbid"
    starting_deadline_seconds     = 300
    successful_jobs_history_limit = 3
    failed_jobs_history_limit     = 3
    job_template {
      metadata {
        labels = local.labels
      }
      spec {
        # The next run is the retry; to ask again at once would make it worse where the site has refused the session.
        backoff_limit = 0
        # A run ends itself after ten minutes. This is for a pod that hangs before that, and would hold back all later ones.
        active_deadline_seconds    = 900
        ttl_seconds_after_finished = 86400
        template {
          metadata {
            labels = {
              "app.kubernetes.io/name"      = "harvestmouse"
              "app.kubernetes.io/component" = each.key
            }
          }
          spec {
            restart_policy = "Never"
            # A run ends between two actions: longer than one request may take.
            termination_grace_period_seconds = 60
            automount_service_account_token  = false
            enable_service_links             = false
            security_context {
              run_as_non_root = true
              run_as_user     = 10001
              run_as_group    = 10001
              fs_group        = 10001
              seccomp_profile {
                type = "RuntimeDefault"
              }
            }
            container {
              name  = "harvestmouse"
              image = var.image
              args  = [each.key]
              env {
                name = "HARVESTMOUSE_APPLY"
                value_from {
                  config_map_key_ref {
                    name = kubernetes_config_map_v1.harvestmouse.metadata[0].name
                    key  = "apply"
                  }
                }
              }
              env {
                name  = "HARVESTMOUSE_CONFIG"
                value = "/etc/harvestmouse/harvestmouse.toml"
              }
              env {
                name  = "MAM_ID_FILE"
                value = "/run/secrets/harvestmouse/mam_id"
              }
              env {
                name  = "HARVESTMOUSE_QBITTORRENT_PASSWORD_FILE"
                value = "/run/secrets/harvestmouse/qbittorrent_password"
              }
              resources {
                requests = {
                  cpu    = "10m"
                  memory = "64Mi"
                }
                limits = {
                  memory = "128Mi"
                }
              }
              security_context {
                allow_privilege_escalation = false
                read_only_root_filesystem  = true
                capabilities {
                  drop = ["ALL"]
                }
              }
              volume_mount {
                name       = "config"
                mount_path = "/etc/harvestmouse"
                read_only  = true
              }
              volume_mount {
                name       = "secrets"
                mount_path = "/run/secrets/harvestmouse"
                read_only  = true
              }
              volume_mount {
                name       = "state"
                mount_path = "/data"
              }
            }
            volume {
              name = "config"
              config_map {
                name = kubernetes_config_map_v1.harvestmouse.metadata[0].name
                items {
                  key  = "harvestmouse.toml"
                  path = "harvestmouse.toml"
                }
              }
            }
            volume {
              name = "secrets"
              secret {
                secret_name  = var.secret_name
                default_mode = "0440"
              }
            }
            volume {
              name = "state"
              persistent_volume_claim {
                claim_name = var.claim_name
              }
            }
          }
        }
      }
    }
  }
  lifecycle {
    # For clusters whose admission webhook adds dns_config (Kyverno does, with ndots=2). Elsewhere it changes nothing.
    ignore_changes = [spec[0].job_template[0].spec[0].template[0].spec[0].dns_config]
  }
}

# Where the CronJobs are in the state already, under the names that the module had before.
moved {
  from = kubernetes_cron_job_v1.grabber
  to   = kubernetes_cron_job_v1.job["grab"]
}

moved {
  from = kubernetes_cron_job_v1.bp_spender
  to   = kubernetes_cron_job_v1.job["spend"]
}

moved {
  from = kubernetes_cron_job_v1.janitor
  to   = kubernetes_cron_job_v1.job["janitor"]
}

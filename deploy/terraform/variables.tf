variable "apply" {
  description = "Let the jobs act; without it every run is a dry run."
  type        = bool
  default     = false
}

variable "namespace" {
  description = "Namespace of the CronJobs, the claim and the Secret."
  type        = string
  default     = "servarr"
}

variable "image" {
  description = "Image made from deploy/container, with its tag."
  type        = string
}

variable "claim_name" {
  description = "Volume claim for cookie, ledger, journal and recordings. Its folder belongs to user 10001."
  type        = string
}

variable "secret_name" {
  description = "Secret with the keys mam_id and qbittorrent_password; the second may be empty."
  type        = string
  default     = "harvestmouse"
}

variable "config" {
  description = "Text of harvestmouse.toml, such as file(\"harvestmouse.toml\"), without secrets and without `apply`."
  type        = string
}

variable "schedules" {
  description = "When each job starts. Those of grab and spend must not meet: both use the site's session."
  type = object({
    grab      = optional(string, "*/30 * * * *")
    spend     = optional(string, "20 */6 * * *")
    janitor   = optional(string, "10-59/15 * * * *")
    reconcile = optional(string, "13-59/15 * * * *")
    monitor   = optional(string, "2-59/5 * * * *")
  })
  default = {}
}

output "cron_jobs" {
  description = "Name of each job's CronJob, for `kubectl create job --from=cronjob/NAME`."
  value       = { for job, cron_job in kubernetes_cron_job_v1.job : job => cron_job.metadata[0].name }
}

output "apply" {
  description = "Whether the jobs act."
  value       = var.apply
}

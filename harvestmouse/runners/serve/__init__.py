"""Run the jobs on schedules of their own, and show what they did."""

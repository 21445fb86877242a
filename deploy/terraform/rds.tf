# The production database on Amazon RDS: docs/deployment.md.

terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.0"
    }
  }
}

variable "vpc_id" {
  description = "The VPC of the database."
  type        = string
}

variable "subnet_ids" {
  description = "Private subnets in at least two availability zones."
  type        = list(string)
}

variable "client_security_group_ids" {
  description = "Security groups of the applications, the migrator and the backup."
  type        = list(string)
}

variable "instance_class" {
  description = "The size of the instance."
  type        = string
  default     = "db.t4g.medium"
}

variable "alarm_topic_arns" {
  description = "SNS topics that are notified when the storage or the memory becomes scarce."
  type        = list(string)
  default     = []
}

locals {
  name = "voicesurvey-db"
  tags = {
    Environment = "production"
    Project     = "voicesurvey"
  }
}

# Storage, snapshots, Performance Insights and the password of the master user. Deleted, it would take the backups with it.
resource "aws_kms_key" "database" {
  description             = "Encrypts the database voicesurvey and its backups"
  enable_key_rotation     = true
  deletion_window_in_days = 30
  tags                    = local.tags

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_kms_alias" "database" {
  name          = "alias/${local.name}"
  target_key_id = aws_kms_key.database.key_id
}

resource "aws_db_subnet_group" "main" {
  name       = local.name
  subnet_ids = var.subnet_ids
  tags       = local.tags
}

# Without egress: the server opens no connection.
resource "aws_security_group" "db" {
  name        = local.name
  description = "PostgreSQL, from the applications only"
  vpc_id      = var.vpc_id
  tags        = local.tags
}

resource "aws_vpc_security_group_ingress_rule" "postgresql" {
  for_each = toset(var.client_security_group_ids)

  security_group_id            = aws_security_group.db.id
  referenced_security_group_id = each.value
  ip_protocol                  = "tcp"
  from_port                    = 5432
  to_port                      = 5432
}

resource "aws_db_parameter_group" "voicesurvey" {
  name_prefix = "${local.name}-17-"
  family      = "postgres17"
  tags        = local.tags

  parameter {
    name  = "rds.force_ssl"
    value = "1"
  }

  # Applies after a restart.
  parameter {
    name         = "shared_preload_libraries"
    value        = "pg_stat_statements,pgaudit"
    apply_method = "pending-reboot"
  }

  parameter {
    name  = "pgaudit.log"
    value = "write,ddl"
  }

  parameter {
    name  = "pgaudit.log_catalog"
    value = "0"
  }

  parameter {
    name  = "password_encryption"
    value = "scram-sha-256"
  }

  parameter {
    name  = "log_lock_waits"
    value = "1"
  }

  # For solid-state storage, see docs/operating.md.
  parameter {
    name  = "random_page_cost"
    value = "1.1"
  }

  lifecycle {
    create_before_destroy = true
  }
}

data "aws_iam_policy_document" "monitoring" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["monitoring.rds.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "monitoring" {
  name               = "${local.name}-monitoring"
  assume_role_policy = data.aws_iam_policy_document.monitoring.json
  tags               = local.tags
}

resource "aws_iam_role_policy_attachment" "monitoring" {
  role       = aws_iam_role.monitoring.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole"
}

resource "aws_cloudwatch_log_group" "postgresql" {
  # The name that RDS writes to. pgaudit writes to it as well.
  name              = "/aws/rds/instance/${local.name}/postgresql"
  retention_in_days = 365
  tags              = local.tags
}

resource "aws_db_instance" "voicesurvey" {
  identifier     = local.name
  engine         = "postgres"
  engine_version = "17"
  instance_class = var.instance_class
  multi_az       = true

  allocated_storage     = 100
  max_allocated_storage = 500
  storage_type          = "gp3"
  storage_encrypted     = true
  kms_key_id            = aws_kms_key.database.arn

  db_name  = "voicesurvey"
  username = "voicesurvey_admin"
  # In Secrets Manager, and so not in the state of Terraform.
  manage_master_user_password   = true
  master_user_secret_kms_key_id = aws_kms_key.database.key_id
  ca_cert_identifier            = "rds-ca-rsa2048-g1"

  parameter_group_name   = aws_db_parameter_group.voicesurvey.name
  vpc_security_group_ids = [aws_security_group.db.id]
  db_subnet_group_name   = aws_db_subnet_group.main.name
  publicly_accessible    = false

  backup_retention_period  = 35
  delete_automated_backups = false
  copy_tags_to_snapshot    = true
  # UTC.
  backup_window      = "03:00-04:00"
  maintenance_window = "Mon:04:00-Mon:05:00"

  auto_minor_version_upgrade = true
  apply_immediately          = false

  deletion_protection       = true
  skip_final_snapshot       = false
  final_snapshot_identifier = "${local.name}-final"

  performance_insights_enabled          = true
  performance_insights_kms_key_id       = aws_kms_key.database.arn
  performance_insights_retention_period = 7
  monitoring_interval                   = 60
  monitoring_role_arn                   = aws_iam_role.monitoring.arn
  enabled_cloudwatch_logs_exports       = ["postgresql", "upgrade"]

  tags = local.tags

  depends_on = [aws_cloudwatch_log_group.postgresql]

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_cloudwatch_metric_alarm" "scarce" {
  for_each = {
    FreeStorageSpace = 20 * 1024 * 1024 * 1024
    FreeableMemory   = 256 * 1024 * 1024
  }

  alarm_name          = "${local.name}-${each.key}"
  namespace           = "AWS/RDS"
  metric_name         = each.key
  dimensions          = { DBInstanceIdentifier = aws_db_instance.voicesurvey.identifier }
  statistic           = "Minimum"
  period              = 300
  evaluation_periods  = 3
  comparison_operator = "LessThanThreshold"
  threshold           = each.value
  alarm_actions       = var.alarm_topic_arns
  tags                = local.tags
}

output "address" {
  description = "The host of DATABASE_URL, with sslmode=verify-full and the authority of RDS."
  value       = aws_db_instance.voicesurvey.address
}

output "master_user_secret_arn" {
  description = "The secret with the password of voicesurvey_admin."
  value       = aws_db_instance.voicesurvey.master_user_secret[0].secret_arn
}

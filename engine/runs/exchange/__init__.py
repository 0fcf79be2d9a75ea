"""Exchange with CRM, ERP and provisioning: messages that come in, and what other systems are told."""

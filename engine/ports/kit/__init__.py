"""The kit of those who write plug-ins: scaffolds from templates."""

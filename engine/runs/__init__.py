"""The imperative shell: resumable batch jobs over the pure rooms."""

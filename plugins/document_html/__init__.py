"""Documents as pages: HTML, PDF, and PDF with the e-invoice inside."""

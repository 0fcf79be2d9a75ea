"""What is measured, against which limit; results as ratios within one run."""

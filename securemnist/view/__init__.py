"""What report, comparison and history share: wording, templates, SVG, PNG."""

"""What report, comparison and history share: wording, HTML, SVG, PNG."""

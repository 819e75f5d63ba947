"""What a step is compared with: an equation, a series, or a plain field."""

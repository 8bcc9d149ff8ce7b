"""Self-contained HTML pages: the frame, drawings as SVG, pictures as PNG within the page.

Nothing here knows what is reported: recordings are `epochal.serving.report.page`'s matter, studies
`epochal.evaluation.report.page`'s.
"""

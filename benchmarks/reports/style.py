"""The style of a report: colours for light and dark, which colour-blind people can tell apart.

Useful for: `html`.
Not useful for: Markdown. Colours are those of Okabe and Ito (2008), "Color Universal Design",
lightened or darkened where they carry text.
"""

CSS = """
:root { color-scheme: light dark;
  --paper: #ffffff; --panel: #f6f7f9; --ink: #1a1f26; --dim: #5a6472; --rule: #d8dde3;
  --ours: #0072b2; --ours-soft: #e3f0f8; --peer: #7d8794; --wrong: #d55e00; --aim: #1a1f26;
  --part0: #0072b2; --part1: #e69f00; --part2: #009e73; --part3: #cc79a7;
  --part4: #56b4e9; --part5: #d55e00; --part6: #f0e442; --part7: #7d8794; }
@media (prefers-color-scheme: dark) { :root {
  --paper: #12161b; --panel: #1a2027; --ink: #e6eaef; --dim: #9ba6b3; --rule: #313a44;
  --ours: #56b4e9; --ours-soft: #1c3242; --peer: #8d98a5; --wrong: #f08a3c; --aim: #e6eaef;
  --part0: #56b4e9; --part4: #0f83c4; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; }
main { max-width: 1220px; margin: 0 auto; padding: 24px 16px 64px; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .3rem; }
h2 { font-size: 1.3rem; margin: 3rem 0 .5rem; padding-top: .8rem;
  border-top: 1px solid var(--rule); }
h3 { font-size: 1rem; margin: 1.2rem 0 .4rem; }
p { margin: .5rem 0; max-width: 78ch; overflow-wrap: anywhere; }
code { font-size: .92em; }
.dim { color: var(--dim); font-size: .9rem; }
.lead { font-size: 1.15rem; }
.warn { border-left: 4px solid var(--wrong); padding: .4rem .8rem; background: var(--panel); }
nav { display: flex; flex-wrap: wrap; gap: .2rem 1rem; margin: 1rem 0; font-size: .9rem; }
a { color: var(--ours); }
.grid { display: grid; gap: 14px; margin: 12px 0;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 340px), 1fr)); }
figure { margin: 0; padding: 10px 12px; background: var(--panel); border-radius: 8px;
  min-width: 0; }
figcaption { font-size: .88rem; font-weight: 600; line-height: 1.35; margin-bottom: .35rem; }
figcaption { min-height: 2.7em; }
figcaption span { display: block; color: var(--dim); font-weight: 400; }
svg { display: block; width: 100%; max-width: 470px; height: auto; overflow: visible;
  font: 12px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; }
.scroll { overflow-x: auto; margin: 12px 0; border: 1px solid var(--rule); border-radius: 8px; }
table { border-collapse: collapse; font-size: .85rem; width: 100%;
  font-variant-numeric: tabular-nums; }
th, td { padding: 5px 10px; text-align: right; white-space: nowrap;
  border-bottom: 1px solid var(--rule); vertical-align: top; }
tr:last-child td { border-bottom: 0; }
th { background: var(--panel); font-weight: 600; white-space: normal; vertical-align: bottom; }
.word { text-align: left; white-space: normal; min-width: 6rem; }
.word:first-child { min-width: 10rem; }
.word:nth-child(3) { min-width: 18rem; }
.ours-row td { background: var(--ours-soft); font-weight: 600; }
summary { cursor: pointer; margin: .8rem 0; color: var(--ours); }
svg text { fill: var(--ink); }
svg .tick, svg .small { fill: var(--dim); font-size: 11px; }
svg .strong { font-weight: 700; }
svg .halo { paint-order: stroke; stroke: var(--panel); stroke-width: 3px; }
svg .rule { stroke: var(--rule); stroke-width: 1; }
svg .band { fill: var(--ours-soft); }
svg .other { fill: none; stroke: var(--rule); stroke-width: 1.5; }
svg .through { fill: none; stroke: var(--ours); stroke-width: 2; }
svg .aim { stroke: var(--aim); stroke-width: 2; }
svg .whisker { stroke-width: 2; }
svg .far { stroke-width: 2; stroke-dasharray: 1 3; }
svg .faint { fill-opacity: .55; }
svg .part { stroke: var(--panel); stroke-width: 1; }
svg .ridge { fill-opacity: .3; stroke-width: 1.4; stroke-linejoin: round; }
""" + "\n".join(
    [
        *(
            f"svg .{kind} {{ fill: var(--{kind}); stroke: var(--{kind}); }}"
            for kind in ("ours", "peer", "wrong")
        ),
        "svg .through { fill: none; }",
        "svg .wrong.mark { fill: var(--panel); stroke-width: 2; }",
        "svg rect.ours, svg rect.peer { stroke: none; }",
        *(f"svg .part{number} {{ fill: var(--part{number}); }}" for number in range(8)),
    ]
)

// How different two colours are to people who see all colours, no red, no green, no blue: CIE 1976, after a simulation by Machado,
// Oliveira and Fernandes (2009), severity 1. 2 is just visible, 10 plain at a glance.
const SIGHTS = {
  all: [1, 0, 0, 0, 1, 0, 0, 0, 1],
  'no red': [.152286, 1.052583, -.204868, .114503, .786281, .099216, -.003882, -.048116, 1.051998],
  'no green': [.367322, .860646, -.227968, .280085, .672501, .047413, -.01182, .04294, .968881],
  'no blue': [1.255528, -.076749, -.178779, -.078411, .930809, .147602, .004733, .691367, .3039],
};
const linear = hex => [1, 3, 5].map(i => parseInt(hex.slice(i, i + 2), 16) / 255).map(c => c <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4);
const times = (m, v) => [0, 3, 6].map(i => Math.min(1, Math.max(0, m[i] * v[0] + m[i + 1] * v[1] + m[i + 2] * v[2])));
function lab(rgb) {
  const f = t => t > .008856 ? Math.cbrt(t) : 7.787 * t + 16 / 116;
  const [r, g, b] = rgb, x = f((.4124 * r + .3576 * g + .1805 * b) / .9505), y = f(.2126 * r + .7152 * g + .0722 * b), z = f((.0193 * r + .1192 * g + .9505 * b) / 1.089);
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}
// The two of them that are hardest to tell apart: [difference, one, other, to whom].
export function closest(colours) {
  let least = [Infinity];
  for (const sight in SIGHTS) {
    const seen = Object.entries(colours).map(([name, hex]) => [name, lab(times(SIGHTS[sight], linear(hex)))]);
    seen.forEach(([one, a], i) => seen.slice(i + 1).forEach(([other, b]) => {
      const difference = Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
      if (difference < least[0]) least = [difference, one, other, sight];
    }));
  }
  return least;
}
// Of text on a ground, WCAG 2.
export function contrast(one, other) {
  const [dark, light] = [one, other].map(c => { const [r, g, b] = linear(c); return .2126 * r + .7152 * g + .0722 * b; }).sort((a, b) => a - b);
  return (light + .05) / (dark + .05);
}

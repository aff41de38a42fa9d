// Images and heatmaps on canvases, as `overlay` of notebook 09 draws them
import {enlarged} from './statistics.js'

const INFERNO = [
  [0, 0, 4], [12, 8, 38], [36, 12, 79], [66, 10, 104], [93, 18, 110], [120, 28, 109], [147, 38, 103],
  [174, 48, 92], [199, 62, 76], [221, 81, 58], [237, 105, 37], [248, 133, 15], [252, 165, 10],
  [250, 198, 45], [242, 230, 97], [252, 255, 164]]
const SIZE = 64

function colour(heat) {
  const at = heat*(INFERNO.length - 1), i = Math.min(INFERNO.length - 2, Math.floor(at)), part = at - i
  return INFERNO[i].map((o, c) => (1 - part)*o + part*INFERNO[i + 1][c])
}

// 0 where a unit is at its mean or below, 1 at four standard deviations above
export function asHeat({values, size}, {mean, deviation}) {
  const large = enlarged(values, size, SIZE)
  return large.map(o => Math.max(0, Math.min(1, (o - mean)/(4*deviation || 1))))
}

// An image [3, 64, 64] in [0, 1]; under heat [64, 64] it is dark grey, and in colour where it is hot
export function paint(canvas, image, heat) {
  const places = SIZE*SIZE, pixels = new ImageData(SIZE, SIZE)
  for (let p = 0; p < places; p++) {
    const rgb = [0, 1, 2].map(c => image[c*places + p])
    if (heat) {
      const grey = .3*rgb[0] + .6*rgb[1] + .1*rgb[2], hot = colour(heat[p]), covered = Math.min(1, 2*heat[p])
      rgb.forEach((_, c) => { rgb[c] = (1 - covered)*.4*grey + covered*hot[c]/255*(.5 + .8*grey) })
    }
    rgb.forEach((o, c) => { pixels.data[4*p + c] = Math.round(255*Math.max(0, Math.min(1, o))) })
    pixels.data[4*p + 3] = 255
  }
  canvas.width = canvas.height = SIZE
  canvas.getContext('2d').putImageData(pixels, 0, 0)
}

// The mean of some units' maps, each standardised, where it is positive; [16, 16]
export function conceptMap(maps, levels) {
  const n = 16, total = new Float64Array(n*n)
  maps.forEach(({values, size}, u) => {
    let x = Float64Array.from(values, o => (o - levels[u].mean)/levels[u].deviation)
    x = size > n ? pooled(x, size, n) : enlarged(x, size, n)
    for (let p = 0; p < n*n; p++) total[p] += x[p]/maps.length
  })
  return total.map(o => Math.max(0, o))
}

function pooled(x, size, n) {
  const step = size/n, out = new Float64Array(n*n)
  for (let i = 0; i < size; i++)
    for (let j = 0; j < size; j++)
      out[Math.floor(i/step)*n + Math.floor(j/step)] += x[i*size + j]/step**2
  return out
}

// Its centre, in image widths from the middle, and its mean: how much of the concept there is
export function measured(heat) {
  const n = 16
  let total = 0, x = 0, y = 0
  for (let i = 0; i < n; i++)
    for (let j = 0; j < n; j++) {
      total += heat[i*n + j]
      x += heat[i*n + j]*((j + .5)/n - .5)
      y += heat[i*n + j]*((i + .5)/n - .5)
    }
  const some = Math.max(total, 1e-9)
  return [x/some, y/some, total/(n*n)]
}

// A concept's map as heat: 1 at two standard deviations
export const conceptHeat = heat => enlarged(heat, 16, SIZE).map(o => Math.min(1, o/2))

// A canvas with a caption and words for those who cannot see it
export function figure(caption) {
  const box = document.createElement('figure'), canvas = document.createElement('canvas')
  const words = document.createElement('figcaption')
  canvas.setAttribute('role', 'img')
  canvas.width = canvas.height = SIZE
  words.textContent = caption
  box.append(canvas, words)
  return {box, canvas, words}
}

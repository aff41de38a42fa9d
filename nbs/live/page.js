// The live page: what stands on it, and what happens when something is pressed or moved.
// All that takes time is done by worker.js.
import {asHeat, conceptHeat, conceptMap, figure, measured, paint} from './pictures.js'

const byId = name => document.getElementById(`live-${name}`)
const say = text => { byId('status').textContent = text }
const state = {about: null, learned: null, base: null, mined: null}
export {state, ask}

// The worker

let worker, count = 0
const waiting = new Map()

function ask(what, given = {}, report = () => {}) {
  const id = ++count
  return new Promise((done, fail) => {
    waiting.set(id, {done, fail, report})
    worker.postMessage({id, ask: what, ...given})
  })
}

function hear({data: {id, answer, error, progress}}) {
  const {done, fail, report} = waiting.get(id)
  if (progress) return report(progress)
  waiting.delete(id)
  if (error) fail(new Error(error))
  else done(answer)
}

// Loading

const json = async name => {
  const answer = await fetch(new URL(name, import.meta.url))
  if (!answer.ok) throw new Error(`${name}: ${answer.status}`)
  return answer.json()
}

async function start() {
  byId('load').disabled = true
  byId('loading').hidden = false
  say('Loading ...')
  try {
    state.about = await json('live.json')
    state.learned = await json('directions.json')
    worker = new Worker(new URL('worker.js', import.meta.url), {type: 'module'})
    worker.onmessage = hear
    worker.onerror = e => say(`This browser could not run the networks: ${e.message || 'no module workers'}`)
    await ask('load', {about: state.about}, showLoading)
    await ready()
  } catch (e) {
    const why = e.message.startsWith('live.json') ? 'this copy of the site was built without them' : e.message
    say(`The networks could not be loaded: ${why}. The picture shows what they find.`)
    byId('load').disabled = false
    byId('loading').hidden = true
  }
}

function showLoading({loaded, total}) {
  byId('loaded').value = loaded/total
  const mega = o => (o/1e6).toFixed(1)
  byId('loaded-text').textContent = loaded < total ? `${mega(loaded)} of ${mega(total)} MB` : 'preparing the networks'
}

async function ready() {
  for (const part of document.querySelectorAll('.live-part')) part.hidden = false
  byId('start').hidden = true
  fillDraw()
  fillChoice(byId('concept'), showUnit)
  fillChoice(byId('edited'), showEdit)
  await newImage()
  byId('new').focus()
  say('Everything is loaded: from here on the page needs no network. Below are an image and its sliders.')
}

// One thing at a time, and of many wishes the last
function inTurn(work) {
  let busy = false, again = false
  return async () => {
    again = true
    if (busy) return
    busy = true
    while (again) {
      again = false
      try {
        await work()
      } catch (e) {
        say(`Something went wrong: ${e.message}`)
      }
    }
    busy = false
  }
}

// 1. Draw

function normal() {
  return Math.sqrt(-2*Math.log(1 - Math.random()))*Math.cos(2*Math.PI*Math.random())
}

function slider(label, range, changed) {
  const box = document.createElement('label'), input = document.createElement('input')
  const words = document.createElement('span'), value = document.createElement('output')
  words.textContent = label
  Object.assign(input, {type: 'range', min: -range, max: range, step: range/20, value: 0, className: 'form-range'})
  value.textContent = '0.0'
  input.addEventListener('input', () => {
    value.textContent = (+input.value).toFixed(1)
    changed()
  })
  box.append(words, input, value)
  return {box, input, reset: () => { input.value = 0; value.textContent = '0.0' }}
}

function fillDraw() {
  state.sliders = state.learned.components.map((_, i) => slider(`Direction ${i + 1}`, 3, redraw))
  byId('sliders').append(...state.sliders.map(o => o.box))
  state.picture = figure('the image')
  byId('picture').append(state.picture.box)
}

async function newImage() {
  const z = Float32Array.from({length: state.about.dimension}, normal)
  state.base = await ask('styles', {z})
  for (const o of [...state.sliders, ...(state.editSliders || [])]) o.reset()
  await redraw()
}

function moved(base, directions, amounts) {
  const w = Float32Array.from(base)
  directions.forEach((direction, i) => direction.forEach((o, j) => { w[j] += amounts[i]*o }))
  return w
}

const present = () => moved(state.base, state.learned.components, state.sliders.map(o => +o.input.value))

const redraw = inTurn(async () => {
  await drawUnit()
  await drawEdit()
})

// 2. One unit, three networks

function fillChoice(select, changed) {
  for (const {number, unit, units} of state.about.concepts) {
    const word = units > 1 ? `${units} units` : '1 unit'
    select.add(new Option(`Concept ${number}: ${word}, such as ${unit[1]} of ${short(unit[0])}`, number))
  }
  select.addEventListener('change', changed)
}

const short = layer => layer.replace('synthesis.', '').replace('visual.', '')

function shownUnits() {
  const {unit, level, partners} = state.about.concepts[+byId('concept').value]
  const rows = [{model: 'G', name: 'generator', unit, level, words: ''}]
  for (const {name} of state.about.networks) {
    const o = partners[name], r = o && o.correlation.toFixed(2), chance = o && o.null.toFixed(2)
    if (o) rows.push({model: name, name, unit: o.unit, level: o.level, words: `r ${r}, shuffled ${chance}`})
  }
  return rows
}

const asLevel = ([mean, deviation]) => ({mean, deviation})

async function drawUnit() {
  const rows = shownUnits()
  const {image, maps} = await ask('look', {w: present(), units: rows.map(o => [o.model, ...o.unit])})
  paint(state.picture.canvas, image)
  state.picture.canvas.setAttribute('aria-label', 'The image that the generator draws at these sliders')
  const boxes = rows.map(({model, name, unit, level, words}, i) => {
    const {box, canvas, words: caption} = figure(`${name}: unit ${unit[1]} of ${short(unit[0])}`)
    if (words) caption.append(document.createElement('br'), words)
    paint(canvas, image, asHeat(maps[i], asLevel(level)))
    canvas.setAttribute('aria-label', `Where unit ${unit[1]} of ${unit[0]} of ${model === 'G' ? 'the generator' : name} is active`)
    return box
  })
  byId('units').replaceChildren(...boxes)
}

const showUnit = inTurn(drawUnit)

// 3. Mine

const chosen = name => +byId(name).value

async function mine() {
  const n = chosen('n'), k = chosen('k'), fresh = byId('fresh').checked
  const z = fresh ? Float32Array.from({length: n*state.about.dimension}, normal) : null
  byId('mine').disabled = true
  byId('stop').disabled = false
  byId('stop').focus()
  byId('mining').hidden = false
  byId('found').replaceChildren()
  byId('counts').hidden = true
  showMining({n: 0, images: n})
  say(`Mining ${n} images ...`)
  const began = performance.now()
  try {
    state.mined = await ask('mine', {z, n, k}, showMining)
    state.levels = await ask('levels')
    await showFound()
    const seconds = ((performance.now() - began)/1000).toFixed(0)
    say(`Mined ${state.mined.n} images in ${seconds} s: ${summary()}.`)
  } catch (e) {
    say(`Mining failed: ${e.message}`)
  }
  byId('mining').hidden = true
  byId('mine').disabled = false
  if (document.activeElement === byId('stop') || document.activeElement === document.body) byId('mine').focus()
  byId('stop').disabled = true
}

function showMining({n, images, pairs, rosetta}) {
  byId('mined').value = n/images
  let text = `${n} of ${images} images`
  if (pairs) {
    const all = Object.values(pairs).reduce((a, b) => a + b)
    text += `; so far ${all} best buddies, ${rosetta} Rosetta Neurons`
  }
  byId('mined-text').textContent = text
}

const plural = (n, word) => `${n} ${word}${n === 1 ? '' : 's'}`
const summary = () => `${plural(state.mined.rosetta, 'Rosetta Neuron')} in ${plural(state.mined.concepts.length, 'concept')}`

function cells(kind, ...texts) {
  const row = document.createElement('tr')
  for (const text of texts) {
    const cell = document.createElement(kind)
    cell.textContent = text
    row.append(cell)
  }
  return row
}

function showCounts() {
  const rows = Object.entries(state.mined.networks).map(
    ([name, o]) => cells('td', name, o.matches, o.decoys, o.significant))
  byId('counts-rows').replaceChildren(...rows)
  byId('summary').textContent = `${summary()}, from ${state.mined.n} images with K = ${state.mined.k}.`
  byId('counts').hidden = false
}

async function showFound(all = false) {
  showCounts()
  const some = all ? state.mined.concepts : state.mined.concepts.slice(0, 8)
  const names = state.mined.units
  const other = (model, i) => [model, names[model][i].layer, names[model][i].channel]
  const wanted = some.map(({shown, best}) => ({
    unit: shown,
    others: [other('G', shown), ...Object.entries(best).map(([model, o]) => other(model, o.partner))]}))
  const found = await ask('pictures', {wanted, each: 2})
  byId('found').replaceChildren(...some.map((concept, i) => card(concept, i, wanted[i].others, found[i])))
  byId('all').hidden = some.length === state.mined.concepts.length
}

function card(concept, place, others, images) {
  const box = document.createElement('li'), title = document.createElement('h3')
  title.textContent = `${plural(concept.units.length, 'unit')} of the generator: centred correlation ${concept.centred.toFixed(2)}`
  const words = document.createElement('p')
  words.textContent = `Correlation ${concept.correlation.toFixed(2)} on the same images, ${concept.null.toFixed(2)} on shuffled ones ` +
    `(means over the networks). ${concept.q <= .05 ? 'Significant at FDR 5 % in every network.' : 'Not significant in every network.'}`
  box.append(title, words, ...images.map(o => strip(place, others, o)))
  return box
}

function strip(place, others, {number, image, maps}) {
  const row = document.createElement('div')
  row.className = 'live-strip'
  const plain = figure(`image ${number}`)
  paint(plain.canvas, image)
  plain.canvas.setAttribute('aria-label', `Image ${number}, for the concept in place ${place + 1}`)
  row.append(plain.box)
  others.forEach(([model, layer, channel], i) => {
    const {box, canvas} = figure(`${model === 'G' ? 'generator' : model} ${short(layer)}/${channel}`)
    const unit = state.mined.units[model].findIndex(o => o.layer === layer && o.channel === channel)
    paint(canvas, image, asHeat(maps[i], state.levels[model][unit]))
    canvas.setAttribute('aria-label', `Concept in place ${place + 1}, image ${number}: where unit ${channel} of ${layer} of ` +
      `${model === 'G' ? 'the generator' : model} is active`)
    row.append(box)
  })
  return row
}

async function changeK() {
  if (!state.mined || byId('mine').disabled) return
  state.mined = await ask('find', {k: chosen('k')})
  await showFound()
  say(`With K = ${state.mined.k}: ${summary()}.`)
}

function download() {
  const head = 'generator layer,channel,network,layer,channel,correlation,centred,shuffled,shuffled centred,q'
  const names = state.mined.units, rows = [head]
  for (const [model, all] of Object.entries(state.mined.matches))
    for (const o of all) {
      const one = names.G[o.unit], two = names[model][o.partner]
      rows.push([one.layer, one.channel, model, two.layer, two.channel, o.correlation, o.centred, o.null, o.nullCentred, o.q].join())
    }
  const link = document.createElement('a')
  link.href = URL.createObjectURL(new Blob([rows.join('\n') + '\n'], {type: 'text/csv'}))
  link.download = `matches_${state.mined.n}.csv`
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 1000)
}

// 4. Move it

const NAMES = ['left to right', 'up to down', 'smaller to larger']

function fillEdit() {
  state.editSliders = NAMES.map(name => slider(name, 2, showEdit))
  byId('edit-sliders').replaceChildren(...state.editSliders.map(o => o.box))
  state.before = figure('before')
  state.after = figure('after')
  state.heatBefore = figure('the concept before')
  state.heatAfter = figure('the concept after')
  byId('edits').replaceChildren(...[state.before, state.after, state.heatBefore, state.heatAfter].map(o => o.box))
}

async function drawEdit() {
  if (!state.editSliders) fillEdit()
  const number = +byId('edited').value
  const {ofG} = state.about.concepts[number], learned = state.learned.concepts[number]
  const amounts = state.editSliders.map(o => +o.input.value), w = present()
  const units = ofG.map(([layer, channel]) => ['G', layer, channel])
  const levels = ofG.map(o => asLevel(o.slice(2)))
  const one = await ask('look', {w, units})
  const two = await ask('look', {w: moved(w, learned.steps, amounts), units})
  const heat = [conceptMap(one.maps, levels), conceptMap(two.maps, levels)]
  paint(state.before.canvas, one.image)
  paint(state.after.canvas, two.image)
  paint(state.heatBefore.canvas, one.image, conceptHeat(heat[0]))
  paint(state.heatAfter.canvas, two.image, conceptHeat(heat[1]))
  for (const [name, words] of Object.entries({
    before: 'The image before the edit', after: 'The image after the edit',
    heatBefore: `Where concept ${number} is before the edit`, heatAfter: `Where concept ${number} is after the edit`}))
    state[name].canvas.setAttribute('aria-label', words)
  showDone(learned, amounts, measured(heat[0]), measured(heat[1]))
}

function showDone(learned, amounts, before, after) {
  const rows = NAMES.map((name, i) => {
    const done = (after[i] - before[i])/learned.deviation[i]
    return cells('td', name, learned.r2[i].toFixed(2), learned.effect[i][i].toFixed(2), amounts[i].toFixed(1), done.toFixed(1))
  })
  byId('edit-rows').replaceChildren(...rows)
}

const showEdit = inTurn(drawEdit)

// What is pressed

byId('load').addEventListener('click', start)
byId('new').addEventListener('click', newImage)
byId('reset').addEventListener('click', () => { state.sliders.forEach(o => o.reset()); redraw() })
byId('mine').addEventListener('click', mine)
byId('stop').addEventListener('click', () => { ask('stop'); say('Stopping after this batch ...') })
byId('k').addEventListener('change', changeK)
byId('all').addEventListener('click', () => showFound(true))
byId('save').addEventListener('click', download)
byId('load').disabled = false

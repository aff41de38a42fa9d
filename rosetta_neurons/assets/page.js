const at = id => document.getElementById(id), list = at('concepts'), all = [...list.children], controls = at('controls'), view = at('view'), large = at('large')
const ticks = [...document.querySelectorAll('[name=layer]')]
const of = (o, k) => { const m = at('model').value; return m && k in (o.of ??= JSON.parse(o.dataset.models))[m] ? o.of[m][k] : +o.dataset[k] }
const shown = () => [...list.children].filter(o => !o.hidden && !(at('significant').checked && o.dataset.significant == 'no'))
function update() {
  const query = at('filter').value.trim().toLowerCase(), number = query.match(/^concept (\d+)$/), words = query.split(/\s+/), least = +at('min-centred').value, key = at('sort').value
  const layers = new Set(ticks.filter(o => o.checked).map(o => o.value))
  for (const o of all) o.hidden = !layers.has(o.dataset.depth) || (number ? o.id != 'concept-' + number[1] : !words.every(w => o.dataset.text.includes(w))) || least > 0 && of(o, 'centred') < least
  list.append(...[...all].sort((a, b) => key == 'q' ? of(a, key) - of(b, key) : of(b, key) - of(a, key)))
  tell()
}
function tell() {
  const least = +at('min-centred').value, n = shown().length
  at('min-shown').value = least > 0 ? least.toFixed(2) : 'any'
  at('count').value = n + ' of ' + all.length + ' concepts shown'
  at('none').hidden = n > 0 || !all.length
}
function deepen(e) {
  const [from, to] = ['depth-from', 'depth-to'].map(o => +at(o).value).sort((a, b) => a - b)
  ticks.forEach((o, i) => o.checked = i >= from && i <= to)
  sayDepth()
}
const layerName = i => ticks[i].parentElement.querySelector('code').textContent
function sayDepth() {
  for (const o of ['depth-from', 'depth-to']) { at(o + '-shown').value = layerName(+at(o).value); at(o).setAttribute('aria-valuetext', layerName(+at(o).value)) }
}
const tickAll = on => { ticks.forEach(o => o.checked = on); if (on) { at('depth-from').value = 0; at('depth-to').value = ticks.length - 1; sayDepth() } update() }

let data
const made = (tag, kind, text) => { const o = document.createElement(tag); if (kind) o.className = kind; if (text != null) o.textContent = text; return o }
const picture = text => new Promise((good, bad) => { const o = new Image(); o.onload = () => good(o); o.onerror = bad; o.src = 'data:image/webp;base64,' + text })
function canvas(w, h) { const o = made('canvas'); o.width = w; o.height = h; return [o, o.getContext('2d', {willReadFrequently: true})] }
function sized(image, most) { const k = most / Math.max(image.width, image.height); return [Math.round(image.width * k), Math.round(image.height * k)] }
function photoOn(image, most) {
  const [w, h] = sized(image, most), [o, c] = canvas(w, h)
  c.imageSmoothingQuality = 'high'
  c.drawImage(image, 0, 0, w, h)
  return [o, c, w, h]
}
function heatOn(image, heat, k, n, most) {
  const [o, c, w, h] = photoOn(image, most), hw = heat.width / n, [small, cs] = canvas(hw, heat.height), [big, cb] = canvas(w, h)
  cs.drawImage(heat, k * hw, 0, hw, heat.height, 0, 0, hw, heat.height)
  cb.imageSmoothingQuality = 'high'
  cb.drawImage(small, 0, 0, w, h)
  const p = c.getImageData(0, 0, w, h), x = p.data, v = cb.getImageData(0, 0, w, h).data
  let lit = 0
  for (let i = 0; i < x.length; i += 4) {
    const grey = .3 * x[i] + .6 * x[i+1] + .1 * x[i+2], t = Math.min(1, v[i] / 127.5), j = 3 * v[i]
    for (let b = 0; b < 3; b++) x[i+b] = .4 * grey * (1 - t) + data.colors[j+b] * (.5 + .8 * grey / 255) * t
    lit += v[i] > 127
  }
  c.putImageData(p, 0, 0)
  return [o, Math.round(100 * lit / w / h)]
}
function tile(o, says, caption, open) {
  const f = made('figure', 'tile'), b = made('button')
  b.type = 'button'; b.append(o); b.setAttribute('aria-label', says + ' Enlarge.'); b.onclick = open
  f.append(b, made('figcaption', '', caption))
  return f
}
async function pictures(c, box, current) {
  const model = at('model').value, rows = c.rows.filter((r, i) => !i || !model || r.net == model), n = c.images.length
  const [photos, heats] = await Promise.all([Promise.all(c.images.map(i => picture(data.photos[i]))), Promise.all(rows.map(r => picture(r.heat)))])
  if (!current()) return
  const labels = made('div', 'labels'), matrix = made('div', 'matrix')
  labels.append(made('div', 'blank'), made('div', 'row blank', 'image'))
  rows.forEach((r, i) => {
    const o = made('div', 'row')
    o.append(made('b', '', r.net + (i ? '' : ' (G)')), ' ', made('code', '', r.unit))
    if (r.numbers) { const s = made('div', 'numbers'); s.innerHTML = r.numbers; o.append(s) }
    labels.append(o)
  })
  matrix.append(labels)
  matrix.style.setProperty('--rows', rows.length + 2)
  matrix.style.setProperty('--columns', n)
  photos.forEach((photo, k) => {
    const weak = c.weak && k == n - 1, example = made('div', 'example' + (weak ? ' weak' : '')), name = 'image ' + c.images[k]
    example.append(made('div', 'when', name + (weak ? ', weakest' : k ? '' : ', strongest')))
    example.append(tile(photoOn(photo, 224)[0], name + ' of the run.', name, () => enlarge(name, photo)))
    rows.forEach((r, i) => {
      const [o, lit] = heatOn(photo, heats[i], k, n, 224), says = r.net + ', ' + r.unit + ', on ' + name + ': above half on ' + lit + ' % of it.'
      example.append(tile(o, says, r.net + (i ? '' : ' (G)'), () => enlarge(says, photo, heats[i], k, n)))
    })
    matrix.append(example)
  })
  box.replaceChildren(matrix)
}
function enlarge(says, photo, heat, k, n) {
  const pair = large.querySelector('.pair'), most = 640
  pair.replaceChildren(photoOn(photo, most)[0], ...heat ? [heatOn(photo, heat, k, n, most)[0]] : [])
  pair.setAttribute('aria-label', says)
  at('large-title').textContent = says
  large.showModal()
}
function table(c) {
  const number = x => x == null ? '–' : (Math.abs(x) < .005 ? 0 : x).toFixed(2).replace('-', '−'), flips = c.matches.some(m => m[9] != null)
  const kept = flips ? [5, 6, 7, 8, 9, 10] : [5, 6, 7, 8], names = ['correlation', 'centred', 'shuffled null', 'centred, shuffled null', 'sign-flip null', 'centred, sign-flip null']
  const t = made('table'), head = t.createTHead().insertRow(), body = t.createTBody()
  for (const o of ['unit of G', 'model', 'partner', ...names.slice(0, kept.length), 'q']) { const h = made('th', '', o); h.scope = 'col'; head.append(h) }
  for (const m of c.matches) {
    const r = body.insertRow(), h = made('th', '', data.layers[0][m[0]] + ':' + m[1])
    h.scope = 'row'; r.append(h)
    for (const o of [data.models[m[2]], data.layers[m[2]+1][m[3]] + ':' + m[4], ...kept.map(k => number(m[k])), m[11]]) r.append(made('td', '', o))
  }
  const box = made('div', 'table')
  box.tabIndex = 0; box.setAttribute('role', 'region'); box.setAttribute('aria-label', 'matches'); box.append(t)
  return box
}
const point = hash => { try { history.replaceState(null, '', hash) } catch { /* a page in a page has no address */ } }
function share(c) {
  const o = made('iframe'), style = 'width:100%; height:40rem; border:1px solid'
  Object.entries({src: location.href.replace(/#.*/, '') + '#' + c.digest, title: c.title + ' of ' + document.title, loading: 'lazy', style}).forEach(k => o.setAttribute(...k))
  at('share-link').value = o.src
  at('share-embed').value = o.outerHTML
  at('share-local').hidden = location.protocol != 'file:'
  at('share-said').textContent = ''
}
async function copy(o) {
  const from = at(o.dataset.copies)
  from.select()
  try { await navigator.clipboard.writeText(from.value) } catch { document.execCommand('copy') }
  at('share-said').textContent = 'Copied.'
}
function rowsOf(number) {
  const c = data.concepts[number], names = ['correlation', 'centred', 'null', 'null_centred', 'flip', 'flip_centred']
  return c.matches.map(m => ({
    concept: +number, digest: c.digest, layer: data.layers[0][m[0]], channel: m[1],
    model: data.models[m[2]], partner_layer: data.layers[m[2]+1][m[3]], partner_channel: m[4],
    ...Object.fromEntries(names.map((name, k) => [name, m[5+k]])), q: parseFloat(m[11].replace('≤', '').replace('−', '-'))}))
}
function csv(rows) {
  const cell = x => x == null || Number.isNaN(x) ? '' : /[",\n]/.test(x) ? '"' + x.replace(/"/g, '""') + '"' : x
  return [Object.keys(rows[0] ?? {}), ...rows.map(Object.values)].map(o => o.map(cell).join(',') + '\n').join('')
}
function save(o) {
  data ??= JSON.parse(at('data').textContent)
  const one = view.contains(o), kind = o.dataset.saves, rows = (one ? [opened.slice(8)] : Object.keys(data.concepts)).flatMap(rowsOf)
  const a = made('a'), text = kind == 'csv' ? csv(rows) : JSON.stringify(rows, null, 1) + '\n'
  a.href = URL.createObjectURL(new Blob([text], {type: kind == 'csv' ? 'text/csv' : 'application/json'}))
  a.download = (one ? 'concept-' + data.concepts[opened.slice(8)].digest : 'concepts') + '.' + kind
  a.click()
  setTimeout(() => URL.revokeObjectURL(a.href), 1000)
}
let opened
function show(id) {
  data ??= JSON.parse(at('data').textContent)
  opened = id
  const c = data.concepts[id.slice(8)], box = at('view-pictures'), matches = at('view-matches')
  point('#' + c.digest)
  share(c)
  at('view-title').replaceChildren(c.title)
  if (self != top && location.protocol.startsWith('http')) { // in another page: a way to this one
    const o = made('a', '', c.title)
    o.href = at('share-link').value; o.target = '_blank'; o.rel = 'noopener'
    at('view-title').replaceChildren(o)
  }
  at('view-facts').innerHTML = c.facts
  matches.open = false
  matches.querySelector('summary').textContent = 'All matches (' + c.matches.length + ')'
  matches.ontoggle = () => { if (matches.open) at('view-table').replaceChildren(table(c)) }
  box.textContent = 'Drawing ...'
  if (!view.open) view.showModal()
  view.scrollTop = 0
  pictures(c, box, () => opened == id).catch(e => { box.textContent = 'These pictures could not be drawn: ' + e })
}
function step(by) {
  const ids = shown().map(o => o.id), i = ids.indexOf(opened)
  const id = ids[(i + by + ids.length) % ids.length]
  if (id) show(id)
}
function follow() {
  const id = location.hash.slice(1), digest = /^[0-9a-f]{10}$/.test(id), card = digest ? all.find(o => o.dataset.digest == id) : at(id)
  at('lost').hidden = !digest || !!card
  if (card && all.includes(card)) show(card.id)
  else if (view.open) view.close()
}
controls.hidden = false
controls.addEventListener('submit', e => e.preventDefault())
controls.addEventListener('input', update)
at('significant').addEventListener('input', tell)
for (const o of ['depth-from', 'depth-to']) at(o).addEventListener('input', deepen)
at('all-layers').onclick = () => tickAll(true)
at('no-layers').onclick = () => tickAll(false)
addEventListener('hashchange', follow)
list.addEventListener('click', e => { const o = e.target.closest('h3 a'); if (o && o.hash == location.hash) follow() })
view.addEventListener('close', () => { const o = at(opened); opened = null; if (location.hash) point('#'); if (o) o.querySelector('a').focus() })
view.addEventListener('keydown', e => { if (!large.open && (e.key == 'ArrowRight' || e.key == 'ArrowLeft')) step(e.key == 'ArrowRight' ? 1 : -1) })
for (const o of document.querySelectorAll('[data-copies]')) o.onclick = () => copy(o)
for (const o of document.querySelectorAll('[data-saves]')) o.onclick = () => save(o)
at('save-all').hidden = !all.length
at('next').onclick = () => step(1)
at('previous').onclick = () => step(-1)
for (const o of [view, large]) {
  o.querySelector('.close').onclick = () => o.close()
  o.addEventListener('click', e => { if (e.target == o) o.close() })
}
document.addEventListener('click', e => { if (!e.target.closest('#more')) at('more').open = false })
if (ticks.length) sayDepth()
tell()
follow()

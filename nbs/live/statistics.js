// Eq. 1 to 4 of the paper, as the package computes them (notebooks 02 to 06 of the site).
// Maps are square. Those of two layers are compared at the larger of their two sizes, to which
// the smaller maps are resized bilinearly: U x. As <U x, y> = <x, U' y>, all products are taken
// at the smaller size, where y has been shrunk by the transpose of resizing, U'.

// Bilinear resizing of one axis from n to m samples: sample i is (1 - part) x[low] + part x[high]
const known = new Map()
export function taps(n, m) {
  const key = n*10000 + m
  if (known.has(key)) return known.get(key)
  const low = new Int32Array(m), high = new Int32Array(m), part = new Float64Array(m)
  for (let i = 0; i < m; i++) {
    const at = Math.max(0, (i + .5)*n/m - .5)
    low[i] = Math.min(Math.floor(at), n - 1)
    high[i] = Math.min(low[i] + 1, n - 1)
    part[i] = at - low[i]
  }
  known.set(key, {low, high, part})
  return known.get(key)
}

// U x: maps of n x n, enlarged to m x m
export function enlarged(x, n, m) {
  if (n === m) return x
  const count = x.length/(n*n)
  const {low, high, part} = taps(n, m)
  const rows = new Float64Array(m*n), out = new Float64Array(count*m*m)
  for (let c = 0; c < count; c++) {
    for (let i = 0; i < m; i++)
      for (let j = 0; j < n; j++)
        rows[i*n + j] = (1 - part[i])*x[c*n*n + low[i]*n + j] + part[i]*x[c*n*n + high[i]*n + j]
    for (let i = 0; i < m; i++)
      for (let j = 0; j < m; j++)
        out[c*m*m + i*m + j] = (1 - part[j])*rows[i*n + low[j]] + part[j]*rows[i*n + high[j]]
  }
  return out
}

// U' x: what the maps of n x n are to those of m x m that would be enlarged to n x n
export function shrunk(x, n, m) {
  if (n === m) return x
  const count = x.length/(n*n)
  const {low, high, part} = taps(m, n)
  const rows = new Float64Array(m*n), out = new x.constructor(count*m*m)
  for (let c = 0; c < count; c++) {
    rows.fill(0)
    for (let i = 0; i < n; i++) {
      const to = low[i]*n, next = high[i]*n, p = part[i], from = c*n*n + i*n
      for (let j = 0; j < n; j++) {
        rows[to + j] += (1 - p)*x[from + j]
        rows[next + j] += p*x[from + j]
      }
    }
    for (let i = 0; i < m; i++) {
      const to = c*m*m + i*m
      for (let j = 0; j < n; j++) {
        out[to + low[j]] += (1 - part[j])*rows[i*n + j]
        out[to + high[j]] += part[j]*rows[i*n + j]
      }
    }
  }
  return out
}

// The diagonal of U'U, and twice the one beside it: U'U has no others
function diagonals(n, m) {
  const {low, high, part} = taps(n, m)
  const itself = new Float64Array(n), next = new Float64Array(n)
  for (let i = 0; i < m; i++) {
    itself[low[i]] += (1 - part[i])**2
    itself[high[i]] += part[i]**2
    if (high[i] > low[i]) next[low[i]] += 2*part[i]*(1 - part[i])
    else itself[low[i]] += 2*part[i]*(1 - part[i])
  }
  return {itself, next}
}

// Sums over one unit's map x (n x n) of products with itself, its right, lower and diagonal
// neighbours, added to `sums` at `to`: from these comes |U x|^2 at any size
function addNeighbours(x, from, n, sums, to) {
  const size = n*n
  for (let i = 0; i < n; i++)
    for (let j = 0; j < n; j++) {
      const at = from + i*n + j, into = to + i*n + j
      const here = x[at], right = j + 1 < n, below = i + 1 < n
      sums[into] += here*here
      if (right) sums[into + size] += here*x[at + 1]
      if (below) sums[into + 2*size] += here*x[at + n]
      if (right && below) sums[into + 3*size] += here*x[at + n + 1] + x[at + 1]*x[at + n]
    }
}

function squaresAt(sums, to, n, m) {
  const {itself, next} = diagonals(n, m), size = n*n
  let total = 0
  for (let i = 0; i < n; i++)
    for (let j = 0; j < n; j++) {
      const at = to + i*n + j
      total += itself[i]*itself[j]*sums[at] + itself[i]*next[j]*sums[at + size]
      total += next[i]*itself[j]*sums[at + 2*size] + next[i]*next[j]/2*sums[at + 3*size]
    }
  return total
}

// All units of one model whose maps have the same size
class Group {
  constructor(size) {
    this.size = size
    this.layers = []
    this.units = []    // their numbers among all units of the model
  }
}

// Eq. 1 in one pass: mean maps, and sums of squares about them. `sizes` are those of the maps
// that these are compared with. The mean map of the first batch is subtracted from all maps at
// once, and the difference to the mean of all images at the end: nothing has to be read twice.
export class Moments {
  constructor(layers, sizes) {
    this.n = 0
    this.kept = new Map()  // what `squares` has found for this many images
    this.sizes = [...new Set([...sizes, ...layers.map(o => o.size)])]
    this.units = []    // {layer, channel}
    this.groups = []
    for (const layer of layers) {
      let group = this.groups.find(o => o.size === layer.size)
      if (!group) this.groups.push(group = new Group(layer.size))
      group.layers.push(layer)
      for (let channel = 0; channel < layer.channels; channel++) {
        group.units.push(this.units.length)
        this.units.push({layer: layer.name, channel})
      }
    }
    for (const group of this.groups) {
      const count = group.units.length, size = group.size**2
      group.reference = new Float32Array(count*size)
      group.sum = new Float64Array(count*size)
      group.neighbours = new Float64Array(count*size*4)
      group.low = new Float64Array(count).fill(Infinity)
      group.high = new Float64Array(count).fill(-Infinity)
    }
  }

  // Add the maps of a batch, {layer: Float32Array [batch, channels, size, size]}. Returns the maps
  // less the reference at all sizes at which products are taken: {"size,smaller": [batch, units, ...]},
  // and the largest value of each unit in each image
  add(maps, batch) {
    const out = {}, peaks = []
    for (let i = 0; i < batch; i++) peaks.push(new Float32Array(this.units.length))
    for (const group of this.groups) {
      const x = this.joined(group, maps, batch)
      const {size, units} = group
      const count = units.length, places = size*size
      if (!this.n) this.setReference(group, x, batch)
      for (let b = 0; b < batch; b++)
        for (let u = 0; u < count; u++) {
          const from = (b*count + u)*places, to = u*places
          let low = Infinity, high = -Infinity
          for (let p = 0; p < places; p++) {
            const value = x[from + p]
            if (value < low) low = value
            if (value > high) high = value
            x[from + p] = value - group.reference[to + p]
            group.sum[to + p] += x[from + p]
          }
          group.low[u] = Math.min(group.low[u], low)
          group.high[u] = Math.max(group.high[u], high)
          peaks[b][units[u]] = high
          addNeighbours(x, from, size, group.neighbours, to*4)
        }
      for (const smaller of this.sizes)
        if (smaller <= size) out[`${size},${smaller}`] = shrunk(x, size, smaller)
    }
    this.n += batch
    this.kept.clear()
    return {out, peaks}
  }

  joined(group, maps, batch) {
    const places = group.size**2, count = group.units.length
    const x = new Float32Array(batch*count*places)
    let at = 0
    for (const layer of group.layers) {
      const own = layer.channels*places, values = maps[layer.name]
      for (let b = 0; b < batch; b++)
        x.set(values.subarray(b*own, (b + 1)*own), b*count*places + at)
      at += own
    }
    return x
  }

  setReference(group, x, batch) {
    const size = group.reference.length
    for (let b = 0; b < batch; b++)
      for (let p = 0; p < size; p++) group.reference[p] += x[b*size + p]/batch
  }

  // What `make` gives for the images so far, made once
  once(key, make) {
    if (!this.kept.has(key)) this.kept.set(key, make())
    return this.kept.get(key)
  }

  // Mean maps of a group; and the same less the reference
  means(group) {
    return this.once(`mean ${group.size}`, () => {
      const beyond = group.sum.map(o => o/this.n)
      return {beyond, mean: beyond.map((o, i) => o + group.reference[i])}
    })
  }

  // The same, shrunk to the size at which products are taken
  shrunkMeans(group, m) {
    return this.once(`mean ${group.size},${m}`, () => {
      const {beyond, mean} = this.means(group)
      return {beyond: shrunk(beyond, group.size, m), mean: shrunk(mean, group.size, m)}
    })
  }

  // At the size m, for each unit of a group: mean, and sums of squares about the mean map
  // ("position") and about the mean over all positions ("unit")
  squares(group, m) {
    return this.once(`square ${group.size},${m}`, () => this.newSquares(group, m))
  }

  newSquares(group, m) {
    const {beyond, mean} = this.means(group)
    const n = group.size, places = n*n
    const count = group.units.length, numbers = () => new Float64Array(count)
    const res = {mean: numbers(), position: numbers(), unit: numbers()}
    for (let u = 0; u < group.units.length; u++) {
      const some = o => enlarged(o.subarray(u*places, (u + 1)*places), n, m)
      const map = some(mean), moved = some(beyond)
      let total = 0, square = 0, extra = 0
      for (let p = 0; p < map.length; p++) {
        total += map[p]
        square += map[p]*map[p]
        extra += moved[p]*moved[p]
      }
      const level = total/map.length
      const about = squaresAt(group.neighbours, u*places*4, n, m) - this.n*extra
      res.mean[u] = level
      res.position[u] = about
      res.unit[u] = about + this.n*(square - map.length*level*level)
    }
    return res
  }

  // Mean and standard deviation of every unit, at its own size
  levels() {
    const res = []
    for (const group of this.groups) {
      const {mean, unit} = this.squares(group, group.size)
      group.units.forEach((u, i) => {
        res[u] = {mean: mean[i], deviation: Math.sqrt(unit[i]/(this.n*group.size**2))}
      })
    }
    return res
  }
}

// Eq. 2: sums of products of all units of `a` with all of `b`, and correlations from them.
// `multiply(x, y, batch, places)` is the matrix product, which ONNX Runtime computes
export class Products {
  constructor(a, b, multiply) {
    Object.assign(this, {a, b, multiply})
    this.blocks = []
    for (const one of a.groups)
      for (const two of b.groups) {
        const total = new Float64Array(one.units.length*two.units.length)
        this.blocks.push({one, two, smaller: Math.min(one.size, two.size), total})
      }
  }

  async add(xs, ys, batch) {
    for (const {one, two, smaller, total} of this.blocks) {
      const x = xs[`${one.size},${smaller}`], y = ys[`${two.size},${smaller}`]
      const sums = await this.multiply(x, y, batch, smaller**2)
      for (let i = 0; i < total.length; i++) total[i] += sums[i]
    }
  }

  // {unit, position}: Float32Array [units of a, units of b], "unit" for Eq. 2 and "position" for
  // the centred correlation, where each unit's mean map is subtracted; NaN for a constant unit
  compute() {
    const {a, b} = this, columns = b.units.length
    const unit = new Float32Array(a.units.length*columns), position = unit.slice()
    for (const {one, two, smaller, total} of this.blocks) {
      const size = Math.max(one.size, two.size), places = smaller*smaller
      const left = a.squares(one, size), right = b.squares(two, size)
      const x = a.shrunkMeans(one, smaller), y = b.shrunkMeans(two, smaller)
      for (let i = 0, at = 0; i < one.units.length; i++)
        for (let j = 0; j < two.units.length; j++, at++) {
          const gap = dot(x.beyond, i*places, y.beyond, j*places, places)
          const level = dot(x.mean, i*places, y.mean, j*places, places) - size*size*left.mean[i]*right.mean[j]
          const about = total[at] - a.n*gap, to = one.units[i]*columns + two.units[j]
          const varies = one.low[i] < one.high[i] && two.low[j] < two.high[j]
          position[to] = varies ? ratio(about, left.position[i], right.position[j]) : NaN
          unit[to] = varies ? ratio(about + a.n*level, left.unit[i], right.unit[j]) : NaN
        }
    }
    return {unit, position}
  }
}

function dot(x, s, y, t, count) {
  let sum = 0
  for (let p = 0; p < count; p++) sum += x[s + p]*y[t + p]
  return sum
}

// A correlation from a sum of products and two sums of squares
function ratio(sum, s, t) {
  if (!(s > 0 && t > 0)) return NaN
  return Math.max(-1, Math.min(1, sum/Math.sqrt(s)/Math.sqrt(t)))
}

// The shuffled null: image i of `a` is paired with image i+1 of `b`, and the last with the first
export class Shuffled extends Products {
  async add(xs, ys, batch) {
    const before = this.last
    this.last = pick(xs, batch, batch - 1)
    if (!before) this.first = pick(ys, batch, 0)
    const moved = {}
    for (const [key, x] of Object.entries(xs)) {
      const one = x.length/batch
      moved[key] = new Float32Array(x.length)
      moved[key].set(x.subarray(0, x.length - one), one)
      if (before) moved[key].set(before[key]) // else zeros: the first of `b` waits for the last of `a`
    }
    await super.add(moved, ys, batch)
  }

  async close() {
    await super.add(this.last, this.first, 1)
  }
}

function pick(maps, batch, i) {
  const res = {}
  for (const [key, x] of Object.entries(maps)) {
    const one = x.length/batch
    res[key] = x.slice(i*one, (i + 1)*one)
  }
  return res
}

// The k largest of a line of a table, as numbers of entries; of equals the first; never NaN
function largest(table, start, step, count, k, left) {
  const found = []
  for (let i = 0; i < count; i++) {
    const value = table[start + i*step]
    if (Number.isNaN(value) || i === left) continue
    if (found.length === k && value <= table[start + found[k - 1]*step]) continue
    let at = found.length
    while (at && value > table[start + found[at - 1]*step]) at--
    found.splice(at, 0, i)
    if (found.length > k) found.pop()
  }
  return found
}

// Eq. 3: best buddies, pairs [i, j] among each other's k largest correlations
export function bestBuddies(table, rows, columns, k, excludeSelf = false) {
  const likes = []
  for (let j = 0; j < columns; j++)
    likes.push(new Set(largest(table, j, columns, rows, k, excludeSelf ? j : -1)))
  const pairs = []
  for (let i = 0; i < rows; i++) {
    const near = largest(table, i*columns, 1, columns, k, excludeSelf ? i : -1)
    for (const j of near.sort((p, q) => p - q)) if (likes[j].has(i)) pairs.push([i, j])
  }
  return pairs
}

// The smallest false discovery rate at which each score is kept: (1 + decoys above)/(targets above)
export function qValues(targets, decoys) {
  const order = targets.map((_, i) => i).filter(i => !Number.isNaN(targets[i]))
  order.sort((i, j) => targets[i] - targets[j])
  const below = decoys.filter(o => !Number.isNaN(o)).sort((a, b) => a - b)
  const q = targets.map(() => 1)
  let least = 1, passed = 0
  for (let at = 0; at < order.length;) {
    let end = at
    while (end < order.length && targets[order[end]] === targets[order[at]]) end++
    while (passed < below.length && below[passed] < targets[order[at]]) passed++
    least = Math.min(least, (1 + below.length - passed)/(order.length - at))
    for (; at < end; at++) q[order[at]] = least
  }
  return q
}

// Eq. 4: units of G with a best buddy in every network
export function rosettaUnits(buddies) {
  const sets = Object.values(buddies).map(pairs => new Set(pairs.map(o => o[0])))
  return [...sets[0]].filter(u => sets.every(o => o.has(u))).sort((a, b) => a - b)
}

// Average linkage (UPGMA) of some units by their correlations, by chains of nearest neighbours.
// Returns joins {first, second, corr} of clusters; 0 to n-1 are the units
export function linkage(table, columns, units) {
  const n = units.length, near = [], weight = new Array(n).fill(1), name = units.map((_, i) => i)
  for (let i = 0; i < n; i++) {
    near.push(new Float64Array(n))
    for (let j = 0; j < n; j++) near[i][j] = table[units[Math.min(i, j)]*columns + units[Math.max(i, j)]] || 0
  }
  const alive = new Set(name), joins = [], chain = []
  while (alive.size > 1) {
    if (!chain.length) chain.push(alive.values().next().value)
    const last = chain[chain.length - 1], before = chain[chain.length - 2]
    let best = before
    for (const j of alive)
      if (j !== last && (best === undefined || near[last][j] > near[last][best])) best = j
    if (best !== before) {
      chain.push(best)
      continue
    }
    chain.length -= 2
    joins.push({first: name[last], second: name[best], corr: near[last][best]})
    for (const j of alive) {
      const mean = (weight[last]*near[last][j] + weight[best]*near[best][j])/(weight[last] + weight[best])
      near[best][j] = near[j][best] = mean
    }
    weight[best] += weight[last]
    name[best] = n + joins.length - 1
    alive.delete(last)
  }
  return joins
}

// Concepts: units of G that are best buddies of each other, however indirectly (Sec. 3.2)
export function components(units, pairs) {
  const group = new Map(units.map(u => [u, [u]]))
  for (const [a, b] of pairs) {
    const one = group.get(a), two = group.get(b)
    if (!one || !two || one === two) continue
    one.push(...two)
    for (const u of two) group.set(u, one)
  }
  return [...new Set(group.values())]
}

// Where these are too large to be one idea, they are cut: into the largest branches of the tree
// that are close enough, and not too large themselves (`_cut_tree` of notebook 06a)
export function concepts(chosen, pairs, joins, units) {
  const limit = Math.max(2, Math.floor(chosen.length/(chosen.length >= 500 ? 20 : 5)))
  const cut = group => group.length > limit ? branches(joins, units, group, limit) : [group]
  return components(chosen, pairs).flatMap(cut).map(group => group.sort((a, b) => a - b))
}

function branches(joins, units, group, limit, least = .3) {
  const wanted = new Set(group), n = units.length
  const members = units.map(u => wanted.has(u) ? [u] : [])
  for (const {first, second} of joins) members.push([...members[first], ...members[second]])
  const found = [], todo = members.length ? [members.length - 1] : []
  while (todo.length) {
    const i = todo.pop(), join = joins[i - n]
    if (join && members[i].length && (join.corr < least || members[i].length > limit))
      todo.push(join.first, join.second)
    else if (members[i].length) found.push(members[i])
  }
  return found
}

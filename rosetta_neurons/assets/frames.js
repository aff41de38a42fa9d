function control(root, view, controls, chosen) {
  view.insertAdjacentHTML('beforebegin', controls)
  const form = root.querySelector('form'), inputs = [...form.elements].filter(o => o.name), texts = inputs.map(o => JSON.parse(o.dataset.texts))
  form.addEventListener('submit', e => e.preventDefault())
  form.addEventListener('input', () => {
    const at = inputs.map(o => o.type == 'checkbox' ? +o.checked : +o.value)
    inputs.forEach((o, i) => { if (o.type == 'range') { o.nextElementSibling.value = texts[i][at[i]]; o.setAttribute('aria-valuetext', texts[i][at[i]]) } })
    chosen(at, texts)
  })
  return [form, inputs]
}

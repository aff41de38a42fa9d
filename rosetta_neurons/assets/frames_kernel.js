export default {
  render({model, el}) {
    el.innerHTML = model.get('html')
    const root = el.firstElementChild, view = root.querySelector('.rosetta-view'), button = document.createElement('button')
    const [form, inputs] = control(root, view, model.get('controls'), at => { model.set('at', at); model.save_changes() })
    model.get('at').forEach((k, i) => { if (inputs[i].type == 'checkbox') inputs[i].checked = k; else inputs[i].value = k })
    form.dispatchEvent(new Event('input'))
    button.type = 'button'
    button.onclick = () => { model.set('asked', model.get('asked') + 1); model.save_changes() }
    if (model.get('search')) form.append(button)
    const show = () => { view.innerHTML = model.get('view') }
    const say = () => { button.textContent = model.get('search'); button.disabled = model.get('busy') }
    const follow = {view: show, search: say, busy: say}
    show()
    say()
    for (const o in follow) model.on('change:' + o, follow[o])
    return () => { for (const o in follow) model.off('change:' + o, follow[o]) }
  }
}

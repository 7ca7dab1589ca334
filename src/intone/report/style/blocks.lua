-- Fenced divs of the report -> what each format has for them: figures and notes that stay whole, page breaks.
local function wrapped(open, div, close)
  local blocks = pandoc.List({ pandoc.RawBlock('typst', open) })
  blocks:extend(div.content)
  blocks:insert(pandoc.RawBlock('typst', close))
  return blocks
end

function Div(div)
  if div.classes:includes('pagebreak') then
    if FORMAT == 'typst' then return pandoc.RawBlock('typst', '#pagebreak(weak: true)') end
    if FORMAT == 'docx' then return pandoc.RawBlock('openxml', '<w:p><w:r><w:br w:type="page"/></w:r></w:p>') end
    return {}
  end
  local names = { figure = 'Figure', caption = 'Table Caption', note = 'Note' }
  for class, name in pairs(names) do
    if div.classes:includes(class) then
      if FORMAT == 'typst' then return wrapped('#' .. class .. 'block[', div, ']') end
      if FORMAT == 'docx' then div.attributes['custom-style'] = name end
      return div
    end
  end
end

function Table(tbl)
  if FORMAT ~= 'docx' then return nil end  -- the other formats have bold heads of their own
  for _, row in ipairs(tbl.head.rows) do
    for _, cell in ipairs(row.cells) do
      cell.contents = cell.contents:walk({ Plain = function(p) return pandoc.Plain({ pandoc.Strong(p.content) }) end })
    end
  end
  return tbl
end

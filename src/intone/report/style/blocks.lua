-- Fenced divs of the report -> what each format has for them: figures and notes that stay whole, page breaks; and tables
-- whose columns are as wide as their content.
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

-- Widths of a DOCX table as wide as the page, in its usual and in its small letters, and of a column's margins, in widths
-- of a small letter. The other formats measure columns themselves.
local ROOM, ROOM_SMALL = 130, 148
local MARGIN = 2.4
local BOLD = 1.12
local WHOLE = 16  -- rows up to which a table is not divided between pages
local MANY = 14  -- columns from which on letters are small

local function all_rows(tbl)
  local rows = pandoc.List()  -- a new one: the head's own must not grow
  rows:extend(tbl.head.rows)
  for _, body in ipairs(tbl.bodies) do rows:extend(body.body) end
  return rows
end

-- A text's width: capitals are half as wide again as small letters, digits and signs a little wider, and narrow ones half.
local function wide(text)
  local total = 0
  for _, code in utf8.codes(text) do
    local sign = code < 128 and string.char(code) or '0'
    if sign:match('[A-Z%%@]') then total = total + 1.55
    elseif sign:match("[iljft.,;:'|!() %-]") then total = total + 0.72
    elseif sign:match('[a-z]') then total = total + 1.0
    else total = total + 1.12 end
  end
  return total
end

-- The widest content and the widest word of each column.
local function measured(tbl)
  local whole, word = {}, {}
  for k = 1, #tbl.colspecs do whole[k], word[k] = 1, 1 end
  for place, row in ipairs(all_rows(tbl)) do
    local scale = place <= #tbl.head.rows and BOLD or 1
    for k, cell in ipairs(row.cells) do
      local text = pandoc.utils.stringify(cell.contents)
      whole[k] = math.max(whole[k], scale * wide(text))
      for part in text:gmatch('[^ ]+') do word[k] = math.max(word[k], scale * wide(part)) end
    end
  end
  return whole, word
end

local function sum(values)
  local total = 0
  for _, value in ipairs(values) do total = total + value end
  return total
end

-- Widths of columns: those of the contents, or where these are too wide together, less of the widest columns.
local function fitted(whole, word, room)
  for limit = 400, 0, -1 do
    local widths = {}
    for k = 1, #whole do widths[k] = math.min(whole[k], math.max(word[k], limit)) + MARGIN end
    if sum(widths) <= room or limit == 0 then return widths end
  end
end

function Table(tbl)
  if FORMAT == 'typst' and #all_rows(tbl) <= WHOLE then
    return { pandoc.RawBlock('typst', '#block(breakable: false, width: 100%)['), tbl, pandoc.RawBlock('typst', ']') }
  end
  if FORMAT ~= 'docx' then return nil end
  local small = #tbl.colspecs > MANY
  local room = small and ROOM_SMALL or ROOM
  local whole, word = measured(tbl)
  local widths = fitted(whole, word, room)
  local share = math.max(sum(widths), room)
  tbl.colspecs = pandoc.List(tbl.colspecs):map(function(spec, k) return { spec[1], widths[k] / share } end)
  for _, row in ipairs(tbl.head.rows) do
    for _, cell in ipairs(row.cells) do
      cell.contents = cell.contents:walk({ Plain = function(p) return pandoc.Plain({ pandoc.Strong(p.content) }) end })
    end
  end
  return tbl
end

#!lua name=ledgerscope

-- The functions that append to a Ledgerscope log (docs/contract.md, section 2). Redis runs a function alone and does not
-- undo what it has written. Therefore everything is checked before the first write: the arguments, the types of the keys,
-- and the permissions. An error after the first write is answered as UNKNOWN.

-- A program loads this library if the server has none, or one of a lower version.
local VERSION = 2

local EVENTS_MAX = 1000
local BYTES_MAX = 65536
local EXTRA_MAX = 64
-- The greatest integer that Lua's floating-point numbers hold exactly.
local EXACT_MAX = 2 ^ 53 - 1
-- The greatest sequence that a reader accepts (2^63 - 1).
local SEQUENCE_MAX = '9223372036854775807'
-- Entries of one page where a stream has to be searched.
local PAGE = 500
-- Entries that one append looks at in a stream that seems to be in order.
local LOOK_MAX = 5000
-- The field of the idempotency keys that keeps the highest sequence. No idempotency key is empty.
local KEPT = ''

-- The order in which the fields of an event are written.
local FIELDS = { 'id', 'type', 'sequence', 'time', 'actor', 'idempotencykey', 'correlationid', 'causationid', 'data' }
local REQUIRED = { 'id', 'type', 'time', 'data' }
-- Names that a producer must not use for its own fields.
local RESERVED = { sequence = true, subject = true, source = true, specversion = true }
local KNOWN = {}
-- While a library is being loaded, Redis 7.0 has no ipairs.
for i = 1, #FIELDS do
    KNOWN[FIELDS[i]] = true
end

local function refuse(code, message)
    error({ refusal = code .. ' ' .. message })
end

local function integer(number)
    return string.format('%.0f', number)
end

-- Reading the stream ------------------------------------------------------------------------------------------------

-- Parses a sequence; nil if the text is none. A number beyond EXACT_MAX is not exact, but stays beyond EXACT_MAX.
local function parse_sequence(text)
    if not text or #text > 20 or not string.find(text, '^%d+$') then
        return nil
    end
    local digits = string.gsub(text, '^0+', '')
    if digits == '' or #digits > #SEQUENCE_MAX or (#digits == #SEQUENCE_MAX and digits > SEQUENCE_MAX) then
        return nil
    end
    return tonumber(digits)
end

-- The value of the first field with that name in an entry {id, {name, value, ...}}. The reader uses the same field.
local function field(entry, name)
    local fields = entry[2]
    for i = 1, #fields, 2 do
        if fields[i] == name then
            return fields[i + 1]
        end
    end
    return nil
end

local function sequence_of(entry)
    return parse_sequence(field(entry, 'sequence'))
end

local function parse_id(id)
    local ms, n = string.match(id, '^(%d+)-(%d+)$')
    return { ms = tonumber(ms), n = tonumber(n) }
end

-- Reads the length, the last id, and the first and last entry of a stream.
local function look_at(key)
    local kind = redis.call('TYPE', key).ok
    if kind == 'none' then
        return { length = 0, last_id = { ms = 0, n = 0 } }
    elseif kind ~= 'stream' then
        refuse('INVALID', 'the key of the stream or of its feed holds another type: ' .. kind)
    end
    local answer = redis.call('XINFO', 'STREAM', key)
    local info = {}
    for i = 1, #answer, 2 do
        info[answer[i]] = answer[i + 1]
    end
    return {
        length = info['length'],
        last_id = parse_id(info['last-generated-id']),
        first = info['first-entry'],
        last = info['last-entry'],
    }
end

-- Calls visit with each entry that XRANGE or XREVRANGE returns, until it returns true. Reads `most` pages, or all.
local function each(command, key, from, to, visit, most)
    for _ = 1, most or math.huge do
        local page = redis.call(command, key, from, to, 'COUNT', PAGE)
        for _, entry in ipairs(page) do
            if visit(entry) then
                return
            end
        end
        if #page < PAGE then
            return
        end
        from = '(' .. page[#page][1]
    end
end

-- Whether a stream seems to be written in order and without gaps: its first entry has sequence 1, and its last one the
-- number of entries.
local function is_counted(stream)
    return stream.length > 0
        and stream.last
        and sequence_of(stream.last) == stream.length
        and sequence_of(stream.first) == 1
end

-- The highest sequence that is kept, and the id of the entry up to which it is the highest. nil if none is kept.
local function read_kept(key)
    local kept = redis.call('HGET', key, KEPT)
    local sequence, id = string.match(kept or '', '^(%d+)@(%d+%-%d+)$')
    sequence = parse_sequence(sequence)
    return sequence and { sequence = sequence, id = id }
end

-- The highest sequence of a stream, and what to keep of it with the next append, if anything. A stream of which every
-- event was appended here with an idempotency key is in order, so nothing is looked at. Otherwise only the entries after
-- the kept id are looked at: all of them, or in a stream that seems to be in order some of them with each append.
local function current_sequence(keys, stream)
    local kept = read_kept(keys[3])
    if stream.length == 0 then
        return kept and kept.sequence or 0, kept
    end
    local counted = is_counted(stream)
    if counted and not kept and redis.call('HLEN', keys[3]) == stream.length then
        return stream.length, nil
    end
    local highest, last, looked, whole = kept and kept.sequence or 0, kept and kept.id, 0, true
    each('XRANGE', keys[1], last and '(' .. last or '-', '+', function(entry)
        if counted and looked >= LOOK_MAX then
            whole = false
            return true
        end
        looked = looked + 1
        highest, last = math.max(highest, sequence_of(entry) or 0), entry[1]
    end)
    local found = counted and math.max(highest, stream.length) or highest
    local progress = last ~= (kept and kept.id)
    return found, { sequence = highest, id = last, whole = whole, progress = progress }
end

-- Finds an entry with this sequence that matches. Returns its id, or nil. In a stream that seems to be in order, bisection
-- finds its millisecond. If that does not lead to it, the newest entries are searched, then the whole stream.
local function find_entry(key, stream, sequence, matches)
    local found
    local function visit(entry)
        if sequence_of(entry) == sequence and matches(entry) then
            found = entry[1]
            return true
        end
    end
    if is_counted(stream) then
        local low, high = parse_id(stream.first[1]).ms, parse_id(stream.last[1]).ms
        while high - low > 1 do
            local middle = math.floor((low + high) / 2)
            local entry = redis.call('XRANGE', key, integer(middle), '+', 'COUNT', 1)[1]
            local there = entry and sequence_of(entry)
            if there and there <= sequence then
                low = math.max(middle, math.min(parse_id(entry[1]).ms, high))
            else
                high = middle
            end
        end
        each('XRANGE', key, integer(low), integer(high), visit)
    end
    if not found then
        each('XREVRANGE', key, '+', '-', visit, LOOK_MAX / PAGE)
    end
    if not found and stream.length > LOOK_MAX then
        each('XRANGE', key, '-', '+', visit)
    end
    return found
end

-- Reading the arguments ---------------------------------------------------------------------------------------------

-- Checks that the three keys belong together. Returns the id of the entity.
local function check_keys(keys)
    if #keys ~= 3 then
        refuse('INVALID', 'three keys are needed: the stream, its feed, its idempotency keys')
    end
    local domain, partition, id = string.match(keys[1], '^(%l+):{(%d+)}:(.+)$')
    if not id or #id > 64 or id == 'feed' or not string.find(id, '^%w[%w._-]*$') then
        refuse('INVALID', 'the first key is not DOMAIN:{PARTITION}:ID')
    end
    if keys[2] ~= domain .. ':{' .. partition .. '}:feed' then
        refuse('INVALID', 'the second key is not the feed of the first')
    end
    if keys[3] ~= keys[1] .. ':keys' then
        refuse('INVALID', 'the third key is not the first with :keys')
    end
    return id
end

local function count(text, least, most, what)
    local number = text and string.find(text, '^%d+$') and #text < 10 and tonumber(text)
    if not number or number < least or number > most then
        refuse('INVALID', what .. ' is not a number from ' .. least .. ' to ' .. most)
    end
    return number
end

local function is_time(text)
    local month, day, hour, minute, second, rest =
        string.match(text, '^%d%d%d%d%-(%d%d)%-(%d%d)[Tt ](%d%d):(%d%d):(%d%d)(.*)$')
    if not month then
        return false
    end
    rest = string.gsub(rest, '^%.%d+', '')
    local zone = rest == 'Z' or rest == 'z' or string.find(rest, '^[+-]%d%d:%d%d$')
    local function within(number, least, most)
        return tonumber(number) >= least and tonumber(number) <= most
    end
    return zone
        and within(month, 1, 12)
        and within(day, 1, 31)
        and within(hour, 0, 23)
        and within(minute, 0, 59)
        and within(second, 0, 60)
end

local function check_event(event, number)
    local function wrong(message)
        refuse('INVALID', 'event ' .. number .. ' of this append ' .. message)
    end
    for _, name in ipairs(REQUIRED) do
        if not event.known[name] then
            wrong('has no ' .. name)
        end
    end
    if #event.known.id > 64 or not string.find(event.known.id, '^[\32-\126]+$') then
        wrong('has an id that is not 1 to 64 printable ASCII characters')
    elseif event.known.type == '' then
        wrong('has an empty type')
    elseif event.known.idempotencykey == '' then
        wrong('has an empty idempotency key')
    elseif not is_time(event.known.time) then
        wrong('has a time that is not RFC 3339')
    elseif #event.extra > 2 * EXTRA_MAX then
        wrong('has more than ' .. EXTRA_MAX .. ' fields of its own')
    elseif event.bytes > BYTES_MAX then
        wrong('has more than ' .. BYTES_MAX .. ' bytes')
    elseif not pcall(cjson.decode, event.known.data) then
        wrong('has data that is not JSON')
    end
end

-- Reads one event from args[at] on: the number of its fields, then the fields. Also returns where the next event starts.
local function read_event(args, at, number)
    local fields = count(args[at], 1, #FIELDS + EXTRA_MAX, 'the number of fields of event ' .. number)
    local event = { known = {}, extra = {}, bytes = 0 }
    for i = at + 1, at + 2 * fields, 2 do
        local name, value = args[i], args[i + 1]
        if not value then
            refuse('INVALID', 'the fields of event ' .. number .. ' are cut short')
        elseif name == '' or RESERVED[name] or event.known[name] then
            refuse('INVALID', 'event ' .. number .. ' has a field that is empty, reserved, or there twice')
        elseif KNOWN[name] then
            event.known[name] = value
        else
            event.extra[#event.extra + 1] = name
            event.extra[#event.extra + 1] = value
        end
        event.bytes = event.bytes + #name + #value
    end
    check_event(event, number)
    return event, at + 2 * fields + 1
end

local function read_events(args)
    local number = count(args[2], 1, EVENTS_MAX, 'the number of events')
    local events, at, keys = {}, 3, {}
    for i = 1, number do
        events[i], at = read_event(args, at, i)
        local key = events[i].known.idempotencykey
        if key and keys[key] then
            refuse('INVALID', 'event ' .. i .. ' has the idempotency key of event ' .. keys[key])
        elseif key then
            keys[key] = i
        end
    end
    if args[at] then
        refuse('INVALID', 'there are arguments after the last event')
    end
    return events
end

-- Deciding ----------------------------------------------------------------------------------------------------------

-- Whether the stored entry is this event: the same key, type and data. Id and time may differ, because a producer may
-- repeat an append with new ones.
local function is_same(entry, event, sequence)
    return entry
        and sequence_of(entry) == sequence
        and field(entry, 'idempotencykey') == event.known.idempotencykey
        and field(entry, 'type') == event.known.type
        and field(entry, 'data') == event.known.data
end

-- The answer that this append got before. nil if none of its keys was used.
local function earlier_answer(keys, stream, events)
    local asked, whose = {}, {}
    for i, event in ipairs(events) do
        if event.known.idempotencykey then
            asked[#asked + 1] = event.known.idempotencykey
            whose[#whose + 1] = i
        end
    end
    if #asked == 0 then
        return nil
    end
    for i, stored in ipairs(redis.call('HMGET', keys[3], unpack(asked))) do
        if stored then
            -- It is a repeat if all events of the append are stored one after the other.
            local first = (parse_sequence(stored) or 0) - whose[i] + 1
            -- Another program may have used the same sequence, so the entry is recognized by its key, too.
            local key = events[1].known.idempotencykey
            local id = first > 0
                and find_entry(keys[1], stream, first, function(entry)
                    return not key or field(entry, 'idempotencykey') == key
                end)
            local entries = id and redis.call('XRANGE', keys[1], id, '+', 'COUNT', #events) or {}
            for j, event in ipairs(events) do
                if not is_same(entries[j], event, first + j - 1) then
                    refuse('KEYREUSED', whose[i] .. ' is the number of an event whose key was used for another append')
                end
            end
            return { 'repeated', first, first + #events - 1, id }
        end
    end
    return nil
end

local function conflict(actual, expected)
    refuse('CONFLICT', integer(actual) .. ' is where the stream is, not at ' .. expected)
end

-- The sequence after which the events are appended, and what to keep with them. `expected` is `any`, a sequence, or a
-- sequence and the id of the last entry, `7@ENTRY-ID`. With an id nothing but the last entry is looked at: the caller
-- has read the stream up to there.
local function decide_sequence(keys, stream, expected)
    local wanted, id = string.match(expected or '', '^(%d+)@(%d+%-%d+)$')
    if id then
        wanted = parse_sequence(wanted) or 0
        local kept = read_kept(keys[3])
        local own = stream.last and sequence_of(stream.last) or 0
        local highest = math.max(own, kept and kept.sequence or 0)
        if not stream.last or stream.last[1] ~= id or highest > wanted then
            conflict(highest, expected)
        end
        local in_order = is_counted(stream) and not kept and wanted == stream.length
        return wanted, not in_order and { sequence = wanted, id = id, whole = true } or nil
    end
    local actual, kept = current_sequence(keys, stream)
    if expected == 'any' then
        return actual, kept
    elseif not expected or not string.find(expected, '^%d+$') then
        refuse('INVALID', 'the expected sequence is a number, a number and an entry id, or any')
    elseif tonumber(expected) ~= actual then
        -- What was looked at is kept, so that the next append does not look at it again. It is no event.
        if kept and kept.progress then
            redis.call('HSET', keys[3], KEPT, integer(kept.sequence) .. '@' .. kept.id)
        end
        conflict(actual, expected)
    end
    return actual, kept
end

-- Refuses what would fail after the first write: a key of another type, and a command that this user may not run.
local function check_writes(keys)
    local kind = redis.call('TYPE', keys[3]).ok
    if kind ~= 'none' and kind ~= 'hash' then
        refuse('INVALID', 'the key of the idempotency keys holds another type: ' .. kind)
    end
    local calls = { { 'XADD', keys[1], '*', 'id', '' }, { 'XADD', keys[2], '*', 'subject', '' }, { 'HSET', keys[3], KEPT, '' } }
    for _, call in ipairs(calls) do
        if not redis.acl_check_cmd(unpack(call)) then
            refuse('NOPERM', "this user has no permissions to run the '" .. string.lower(call[1]) .. "' command on " .. call[2])
        end
    end
end

-- The entry id of the first event. It is greater than both last ids, not before this server's clock, and leaves room for
-- the ids of all events.
local function next_id(stream, feed, events)
    local time = redis.call('TIME')
    local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
    local last = stream.last_id
    if feed.last_id.ms > last.ms or (feed.last_id.ms == last.ms and feed.last_id.n > last.n) then
        last = feed.last_id
    end
    if now > last.ms then
        return { ms = now, n = 0 }
    elseif last.ms >= EXACT_MAX then
        refuse('INVALID', 'the stream or its feed has an entry at the end of time; nothing can come after it')
    elseif last.n + #events > EXACT_MAX then
        return { ms = last.ms + 1, n = 0 }
    end
    return { ms = last.ms, n = last.n + 1 }
end

-- Writing -----------------------------------------------------------------------------------------------------------

-- Whether this call has written anything.
local has_written = false

local function put(...)
    redis.call(...)
    has_written = true
end

local function keep(key, sequence, id)
    put('HSET', key, KEPT, integer(sequence) .. '@' .. id)
end

local function write(keys, subject, event, sequence, id)
    local fields = {}
    event.known.sequence = sequence
    for _, name in ipairs(FIELDS) do
        if event.known[name] then
            fields[#fields + 1] = name
            fields[#fields + 1] = event.known[name]
        end
    end
    for _, text in ipairs(event.extra) do
        fields[#fields + 1] = text
    end
    put('XADD', keys[1], id, unpack(fields))
    put('XADD', keys[2], id, 'subject', subject, 'sequence', sequence)
    if event.known.idempotencykey then
        put('HSET', keys[3], event.known.idempotencykey, sequence)
    end
end

local function append(keys, args)
    local subject = check_keys(keys)
    local events = read_events(args)
    local stream, feed = look_at(keys[1]), look_at(keys[2])
    check_writes(keys)
    -- The keys are checked before the sequence: a repeat gets the first answer, also if the stream has moved since.
    local earlier = earlier_answer(keys, stream, events)
    if earlier then
        return earlier
    end
    local actual, kept = decide_sequence(keys, stream, args[1])
    if actual + #events > EXACT_MAX then
        refuse('INVALID', 'the sequence of the stream has come to its end')
    end
    local id = next_id(stream, feed, events)
    local function id_of(i)
        return integer(id.ms) .. '-' .. integer(id.n + i - 1)
    end
    for i, event in ipairs(events) do
        write(keys, subject, event, integer(actual + i), id_of(i))
    end
    if kept and kept.whole ~= false then
        keep(keys[3], actual + #events, id_of(#events))
    elseif kept then
        keep(keys[3], kept.sequence, kept.id)
    end
    return { 'appended', actual + 1, actual + #events, id_of(1) }
end

redis.register_function('ledgerscope_append', function(keys, args)
    has_written = false
    local done, answer = pcall(append, keys, args)
    if done then
        return answer
    end
    local reason = tostring(answer)
    if type(answer) == 'table' then
        reason = answer.refusal or answer.err or 'ERR the append failed'
    else
        reason = 'ERR the append failed: ' .. reason
    end
    if has_written then
        reason = 'UNKNOWN a part was written, then: ' .. reason
    end
    return redis.error_reply(reason)
end)

redis.register_function({
    function_name = 'ledgerscope_version',
    callback = function()
        return VERSION
    end,
    flags = { 'no-writes' },
})

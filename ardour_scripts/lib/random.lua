-- Names that no other has.

return function()
  local serial = 0

  --- Sixteen of the characters 0-9 and a-f.
  return function()
    local name, source = "", io.open("/dev/urandom", "rb")
    if source then
      for byte in source:read(8):gmatch(".") do name = name .. ("%02x"):format(byte:byte()) end
      source:close()
    end
    serial = serial + 1
    return name ~= "" and name or ("%08x%08x"):format((math.floor(os.clock() * 1e6) + serial) & 0xffffffff, os.time() & 0xffffffff)
  end
end

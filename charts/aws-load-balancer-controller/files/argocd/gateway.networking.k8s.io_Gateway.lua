-- Health of a Gateway of any controller: Accepted and Programmed, as Gateway API has them.
local health = { status = "Progressing", message = "Waiting for the controller" }
local generation = obj.metadata.generation or 0
local well = 0
for _, condition in ipairs((obj.status or {}).conditions or {}) do
  if condition.type == "Accepted" or condition.type == "Programmed" then
    if (condition.observedGeneration or generation) < generation then
      health.message = "The last change has not been seen yet"
      return health
    elseif condition.status == "True" then
      well = well + 1
    elseif condition.status == "False" and condition.reason ~= "Pending" and condition.reason ~= "AddressNotAssigned" then
      health.status = "Degraded"
      health.message = condition.message
      return health
    else
      health.message = condition.message
    end
  end
end
if well == 2 then
  health.status = "Healthy"
  health.message = "The load balancer is programmed"
end
return health
